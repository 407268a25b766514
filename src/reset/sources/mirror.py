"""A folder of published rows on this machine: <dataset>.jsonl for each data set."""

from collections.abc import Iterator
from pathlib import Path

from reset import blocks
from reset.errors import InputError
from reset.records import Row


def rows(folder: Path, dataset: str) -> Iterator[Row]:
    """The rows of one data set; InputError if the folder has no file of it."""
    path = folder / f"{dataset}.jsonl"
    if not folder.is_dir():
        raise InputError(f"params.yaml: 'data.mirror' is '{folder}', which is no folder")
    if not path.is_file():
        known = ", ".join(sorted(file.name for file in folder.glob("*.json*"))) or "no such file"
        raise InputError(
            f"{path}: data set '{dataset}' is not in the mirror ({known}); add the file or take the set out of "
            "data.datasets"
        )
    return (row for _, row in blocks.numbered(path))

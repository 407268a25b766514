"""Published rows from the Hugging Face hub (or, for two small sets, from a pinned file on the web)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reset.published import registry
from reset.published.entry import Hub, Web
from reset.records import Row


def rows(dataset: str, root: Path | None = None) -> Iterator[Row]:
    """The rows of one data set; where it has several splits, with the column `split` ("train" or "eval").

    `root`: a folder in the hub's layout, `<owner>/<name>` or, for a revision, `<owner>/<name>@<revision>`, that stands
    in for the hub. InputError, with all that was tried, if no way leads to the rows.
    """
    origin = registry.entry(dataset).origin
    if isinstance(origin, Web):
        return _web(origin, dataset)
    assert isinstance(origin, Hub)
    return _hub(origin, root)


def _hub(origin: Hub, root: Path | None) -> Iterator[Row]:
    for role, split in origin.splits.items():
        for row in open_split(origin, split, root):
            if origin.subset is None or row["subset"].startswith(origin.subset):
                yield row | ({"split": role} if len(origin.splits) > 1 else {})


def open_split(origin: Hub, split: str, root: Path | None = None) -> Any:
    """One split as a datasets.Dataset: by its plain id, else from the Parquet branch that the hub's robot keeps."""
    raise NotImplementedError


def _web(origin: Web, dataset: str) -> Iterator[Row]:
    raise NotImplementedError

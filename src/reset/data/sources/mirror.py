"""A folder of published rows on this machine: one file or folder for each data set."""

import sys
from pathlib import Path

from reset.core.errors import InputError
from reset.data.sources import files, splits
from reset.data.sources.origins import Hub, origin
from reset.data.sources.provenance import SourcePart


def parts(folder: Path, dataset: str) -> list[SourcePart]:
    """The rows of one data set: from <dataset>.jsonl (or .json, either gzipped, or .parquet), else
    from all such files below the folder <dataset>/, in order of their names.

    As from the hub (reset.data.sources.origins), only rows of the set's `subset` are taken, and of
    a folder only what lies below the folder of its `config` and its `file`, where there are such,
    and Parquet files alone, where there are any.
    Where all files, or their folders, are named after splits (train…, dev…, validation…, test…),
    those of the set's splits are taken, with their role in the column `split`; if there is none of
    these, all files with their own splits. What is left out is logged to
    stderr. InputError if the mirror holds nothing of the data set.
    """
    if not folder.is_dir():
        raise InputError(f"params.yaml: 'data.mirror' is '{folder}', which is no folder")
    where = origin(dataset)
    hub = where if isinstance(where, Hub) else Hub(where.url, {})
    for kind in files.KINDS:
        path = folder / f"{dataset}{kind}"
        if path.is_file():
            return [SourcePart(str(path), files.rows(path), hub.subset)]
    below = folder / dataset
    found = sorted(path for path in below.rglob("*") if path.name.endswith(files.KINDS))
    if not found:
        known = ", ".join(sorted(path.name for path in folder.iterdir())[:30]) or "it is empty"
        raise InputError(
            f"{below}.jsonl: data set '{dataset}' is not in the mirror ({known}); add the file or"
            " take the set out of data.datasets"
        )
    tables = [path for path in found if path.suffix == ".parquet"] or found
    chosen = _of_splits(_of_name(_of_name(tables, below, hub.config), below, hub.file), below, hub)
    if left := [str(path.relative_to(below)) for path in found if path not in chosen]:
        print(
            f"fetch {dataset}: not of this set's file, config and splits: {', '.join(left[:30])}",
            file=sys.stderr,
        )
    return [
        SourcePart(str(path), files.rows(path), hub.subset, split) for path, split in chosen.items()
    ]


def _of_name(found: list[Path], below: Path, name: str | None) -> list[Path]:
    """The files with `name` in their path, or all if there is none."""
    return [path for path in found if name in path.relative_to(below).parts] or found


def _of_splits(found: list[Path], below: Path, hub: Hub) -> dict[Path, str | None]:
    """The files to read, each with the `split` that its rows will get (None: no such column)."""
    named = {path: _split(path.relative_to(below)) for path in found}
    if None in named.values():
        return dict.fromkeys(found)
    roles = {path: role for path, split in named.items() if (role := hub.role(split))}
    return {path: hub.column(role) for path, role in roles.items()} or named


def _split(path: Path) -> str | None:
    return splits.named_after(path.name) or splits.named_after(path.parent.name)

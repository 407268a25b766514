"""Published rows from the Hugging Face hub, or from a file on the web that a commit pins."""

import contextlib
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from reset import records
from reset.errors import InputError
from reset.records import Row
from reset.sources.origins import Hub, Web, origin

PARQUET_BRANCH = "refs/convert/parquet"  # where the hub's robot keeps a Parquet copy of sets that came as scripts


def rows(dataset: str, root: Path | None = None) -> Iterator[Row]:
    """The rows of one data set; where it has several splits, with the column `split` ("train" or "eval").

    `root`: a folder that stands in for the hub (and the web), with `<owner>/<name>` for a repository,
    `<owner>/<name>@<revision>` for a revision of one, and `<host>/<path>` for a file. InputError, with all that was
    tried, if no way leads to the rows.
    """
    where = origin(dataset)
    return _web_rows(where, dataset, root) if isinstance(where, Web) else _hub_rows(where, dataset, root)


def _hub_rows(hub: Hub, dataset: str, root: Path | None) -> Iterator[Row]:
    if hub.revision is None:
        print(f"fetch {dataset}: no pinned revision is known; taking the newest of {hub.id}", file=sys.stderr)
    for role, split in hub.splits.items():
        table = open_split(hub, split, dataset, root)
        if hub.subset is not None:
            prefix = hub.subset
            table = table.filter(lambda value, prefix=prefix: value.startswith(prefix), input_columns="subset")
            # word lists with offsets, which nothing here reads and which take ten times the text's space
            table = table.remove_columns([name for name in table.column_names if name.endswith("_tokens")])
        expected = hub.rows.get(split, len(table))
        if len(table) != expected:
            raise InputError(f"data set '{dataset}': split '{split}' has {len(table)} rows on the hub, not {expected}")
        for row in table:
            yield row | ({"split": role} if len(hub.splits) > 1 else {})


def open_split(hub: Hub, split: str, dataset: str, root: Path | None = None) -> Any:
    """One split as a datasets.Dataset.

    Tried in turn: the plain id; the Parquet branch (the plain id fails where the repository still holds a loading
    script); the Parquet files of that branch by their addresses. A pinned revision is tried alone: another one would
    not be what was asked for.
    """
    import datasets

    branch = _address(hub.id, PARQUET_BRANCH.replace("/", "%2F"), root)
    files = f"{branch}/{hub.config or 'default'}/{split}/*.parquet"
    attempts: dict[str, dict[str, Any]] = {
        "the repository": _repository(hub, hub.revision, root) | _file(hub.file),
        "its Parquet branch": _repository(hub, PARQUET_BRANCH, root),
        "the Parquet files": {"path": "parquet", "data_files": {split: files}},
    }
    if hub.revision is not None:
        attempts = {f"revision {hub.revision}": attempts["the repository"]}
    failures = []
    for way, arguments in attempts.items():
        try:
            return datasets.load_dataset(split=split, **arguments)
        except Exception as error:  # the library raises a different kind for each way in which this fails
            failures.append(f"{way}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
            if isinstance(error, ConnectionError):
                break  # no other way leads there either
    raise InputError(
        f"data set '{dataset}': '{hub.id}' cannot be loaded from the hub ({'; '.join(failures)}); "
        f"set data.mirror to a folder with {dataset}.jsonl in the published columns"
    )


def _repository(hub: Hub, revision: str | None, root: Path | None) -> dict[str, Any]:
    """Arguments of load_dataset for a repository of the hub, or for the folder that stands in for it."""
    if root is not None:
        return {"path": _address(hub.id, revision and revision.replace("/", "%2F"), root), "name": hub.config}
    return {"path": hub.id, "name": hub.config, "revision": revision}


def _address(repository: str, revision: str | None, root: Path | None) -> str:
    start = "hf://datasets" if root is None else str(root)
    return f"{start}/{repository}" + (f"@{revision}" if revision else "")


def _file(name: str | None) -> dict[str, Any]:
    return {} if name is None else {"data_files": {"train": name}}


def _web_rows(web: Web, dataset: str, root: Path | None) -> Iterator[Row]:
    with contextlib.closing(_open(web.url, dataset, root)) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield records.parse(line, f"{web.url}:{number}")


def _open(url: str, dataset: str, root: Path | None) -> IO[bytes]:
    try:
        if root is not None:
            return open(root / url.partition("://")[2], "rb")
        return urllib.request.urlopen(url, timeout=60)
    except OSError as error:
        raise InputError(
            f"data set '{dataset}': {url} cannot be read ({error}); set data.mirror to a folder with {dataset}.jsonl"
        ) from None

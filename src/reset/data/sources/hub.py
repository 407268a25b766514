"""Published rows from the Hugging Face hub, or from a file on the web that a commit pins."""

import sys
import urllib.request
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from typing import Any

from reset.core import io
from reset.core.errors import InputError
from reset.core.io import Row
from reset.data.sources import files
from reset.data.sources.origins import ORIGINS, Hub, Web, origin
from reset.data.sources.provenance import SourcePart

# where the hub's robot keeps a Parquet copy of sets that came as scripts
PARQUET_BRANCH = "refs/convert/parquet"


def parts(dataset: str) -> Iterator[SourcePart]:
    """The rows of one data set, a part for each split, its place with the commit that was taken;
    where the set has several splits, each part has its role ("train" or "eval").

    InputError, with all that was tried, if no way leads to the rows.
    """
    where = origin(dataset)
    if isinstance(where, Web):
        yield SourcePart(where.url, _web_rows(where.url, dataset))
        return
    yield from repository_parts(where, dataset)


def repository_parts(
    hub: Hub, dataset: str, columns: Sequence[str] | None = None
) -> Iterator[SourcePart]:
    """The rows of one repository, as `parts` gives them; of a user's own data set `columns` (and
    `split`) alone.
    """
    for role, split in hub.splits.items():
        address, table = open_split(hub, split, dataset)
        if hub.revision is None:
            print(
                f"fetch {dataset}: no pinned revision is known; taking the newest, {address}",
                file=sys.stderr,
            )
        if columns is not None:
            table = table.select_columns(files.select(columns, table.column_names, address))
        rows = _rows(hub, table, split, dataset)
        yield SourcePart(f"{address} ({split})", rows, hub.subset, hub.column(role))


def _rows(hub: Hub, table: Any, split: str, dataset: str) -> Any:
    """The table, checked, without what nothing here reads."""
    if hub.subset is not None:
        # word lists with offsets, which take ten times the text's space
        table = table.remove_columns(
            [name for name in table.column_names if name.endswith("_tokens")]
        )
    files.require_json(table.features.arrow_schema, f"hub data set '{hub.id}'")
    expected = hub.rows.get(split, len(table))
    if len(table) != expected:
        raise InputError(
            f"data set '{dataset}': split '{split}' has {len(table)} rows on the hub, not"
            f" {expected}"
        )
    return table


def open_split(hub: Hub, split: str, dataset: str) -> tuple[str, Any]:
    """One split as a datasets.Dataset, with its repository's address at the commit that was taken.

    Tried in turn: the repository itself; its Parquet files, which the hub keeps on a branch of
    their own (the first fails where the repository still holds a loading script). A pinned revision
    is tried alone: another one would not be what was asked for. The hub's address is
    huggingface_hub's (environment: HF_ENDPOINT).
    """
    import datasets

    failures: list[str] = []
    for way, revision in (
        ("repository", hub.revision or "main"),
        ("Parquet", hub.revision or PARQUET_BRANCH),
    ):
        try:
            commit = _commit(hub.id, revision)
            address = f"hf://datasets/{hub.id}@{commit}"
            if way == "repository":
                chosen = {"train": hub.file} if hub.file else None
                table = datasets.load_dataset(
                    hub.id, hub.config, revision=commit, data_files=chosen, split=split
                )
            else:
                files = {split: f"{address}/{hub.config or 'default'}/{split}/*.parquet"}
                table = datasets.load_dataset("parquet", data_files=files, split=split)
            return address, table
        # the libraries raise a different kind for each way in which this fails
        except Exception as error:
            failures.append(_reason(error, revision))
    raise InputError(
        f"data set '{dataset}': '{hub.id}' cannot be loaded from the hub"
        f" ({'; '.join(dict.fromkeys(failures))}); {_remedy(dataset)}"
    )


def _remedy(dataset: str) -> str:
    if dataset in ORIGINS:
        return f"set data.mirror to a folder with {dataset}.jsonl in the published columns"
    return f"correct data.datasets.{dataset}.source, or name a file in its path instead of hub"


def _commit(repository: str, revision: str) -> str:
    """The commit that a branch, a tag or a commit stands for now."""
    from huggingface_hub import HfApi

    return str(HfApi().dataset_info(repository, revision=revision).sha)


def _reason(error: Exception, revision: str) -> str:
    from huggingface_hub.errors import RevisionNotFoundError

    if isinstance(error, RevisionNotFoundError):
        return f"it has no revision '{revision}'"
    return f"revision '{revision}': {type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _web_rows(url: str, dataset: str) -> Iterator[Row]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            lines = answer.read().split(b"\n")
    except (OSError, HTTPException) as error:
        raise InputError(
            f"data set '{dataset}': {url} cannot be read ({error}); set data.mirror to a folder"
            f" with {dataset}.jsonl"
        ) from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield io.parse(line, f"{url}:{number}")

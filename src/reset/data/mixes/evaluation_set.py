"""The evaluation rows of all data sets: unseen in training, at most so many of each set."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path

from reset.core import io
from reset.core.errors import InputError
from reset.core.hashing import order
from reset.core.io import Row
from reset.data.mixes.decontamination import fingerprint
from reset.data.sources.dataset_config import DataSet


def trained_requests(files: Iterable[Path]) -> set[int]:
    """Fingerprints of the instructions to train on. A file's rows are of one task, so of passages'
    files, which are gigabytes, one row is read.
    """
    found: set[int] = set()
    for file in files:
        requests = takewhile(lambda row: row["task"] == "instruction", io.stream(file))
        found.update(fingerprint(row["instruction"]) for row in requests)
    return found


def evaluation_rows(
    rows: Mapping[str, Iterable[Row]], chosen: Mapping[str, DataSet], trained: set[int], seed: int
) -> tuple[list[Row], dict[str, Row]]:
    """The rows to evaluate on, with the column `seen` (whether their set also trains), and counts
    by data set.

    `rows` and `chosen` go by data set. Instruction rows stay only if training has not seen their
    instruction, whatever its case and spaces (the paper: only unseen examples). Then each set is
    capped to `eval` rows, by hash. InputError if a set that is to evaluate has no row left.
    """
    kept, counts = [], {}
    for name, settings in chosen.items():
        if settings.eval == 0:
            continue
        given = list(rows[name])
        unseen = [row for row in given if not _seen(row, trained)]
        if not unseen:
            raise InputError(
                f"data set '{name}' has no evaluation row left: {len(given)} read, all of them seen"
                " in training"
            )
        part = list(_capped(unseen, settings.eval, seed))
        kept += [row | {"seen": settings.trains} for row in part]
        counts[name] = {
            "read": len(given),
            "seen_in_training": len(given) - len(unseen),
            "kept": len(part),
        }
    return kept, counts


def _seen(row: Row, trained: set[int]) -> bool:
    return row["task"] == "instruction" and fingerprint(row["instruction"]) in trained


def _capped(rows: list[Row], cap: int | None, seed: int) -> Iterator[Row]:
    """At most `cap` rows, chosen by hash, in their order in `rows`."""
    chosen = {row["id"] for row in sorted(rows, key=lambda row: order(seed, row["id"]))[:cap]}
    return (row for row in rows if row["id"] in chosen)

"""From published rows to common records: mapping, filters, ids, and the choice of the rows that are
kept.

A first pass over blocks of lines maps and filters on all cores. What passes is spooled to disk; a
second pass copies the rows that the sizes in params.yaml ask for. Only a few numbers a row stay in
memory.
"""

import hashlib
import json
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from reset.core import hashing, io
from reset.core.errors import InputError
from reset.core.hashing import order
from reset.core.io import Row
from reset.core.params import Count
from reset.data.datasets.spec import DatasetSpec, check, row_format
from reset.data.records import parallel_jsonl
from reset.data.sources import splits
from reset.data.sources.dataset_config import DataSet

TRAIN, EVAL, NO_SPLIT, NOT_NEEDED, REPEATED = range(5)
BATCH = 2000  # rows worked on at once where they are joined before
COLUMNS = ("id", "dataset", "task", "instruction", "question", "context", "references")
# where a record has them: its context was retrieved from the passages of all rows; its passages
# alone tell it from other rows; the passages that support an answer
MARKS = ("shared_passages", "by_passage", "sources")
Contexts = Callable[[Sequence[str]], list[list[str]]]  # questions -> the passages found for each


@dataclass(frozen=True)
class FilterSettings:
    """`retrieval`: where QA contexts come from (see reset.data.records.retrieval); `passages`: the
    most that a context holds; `seed`: which rows are in capped and divided sets; `rows_with_input`:
    whether instruction rows with an input of their own stay (Alpaca, Self-Instruct, Dolly).
    """

    retrieval: Literal["published", "bm25"]
    passages: Count
    seed: int
    rows_with_input: Literal["drop", "keep"]


@dataclass(frozen=True)
class KeptRow:
    """One row that passed the filters, as a line of JSON."""

    where: str
    id: str
    group: str  # rows of one group are divided together
    split: int
    line: bytes


@dataclass(frozen=True)
class Filtered:
    """What one block of published rows came to."""

    read: int
    dropped: Counter
    kept: list[KeptRow]


def filter_rows(
    rows: Iterable[tuple[str, Row]],
    entry: DatasetSpec,
    passages: int,
    contexts: Contexts | None = None,
) -> Filtered:
    """Map and filter published rows; `rows` come with their places, for messages.

    A row is dropped for the first reason that any filter gives. A context holds at most `passages`
    passages; where `contexts` is given (data.retrieval: bm25) it builds them from the question, and
    rows get `shared_passages`.
    """
    mapped = [(where, row, _record(row, entry, where)) for where, row in rows]
    if contexts is not None:
        _retrieve([record for _, _, record in mapped], contexts)
    result = Filtered(len(mapped), Counter(), [])
    for where, row, record in mapped:
        _show(record, passages)
        reason = _reason(row, record, entry)
        if reason:
            result.dropped[reason] += 1
        else:
            result.kept.append(_kept(where, row, record, entry))
    return result


def _record(row: Row, entry: DatasetSpec, where: str) -> Row:
    shape = row_format(entry, row, where)
    columns = shape.columns
    if "split" in row:
        columns = columns | {"split": splits.check}
    check(row, columns, where)
    return shape.record(row)


def _retrieve(records: list[Row], contexts: Contexts) -> None:
    found = contexts([record["question"] for record in records])
    for record, context in zip(records, found, strict=True):
        record |= {"context": context, "shared_passages": True}


def _show(record: Row, passages: int) -> None:
    """Cut the context to the passages that the model will see, and `sources` to those of them."""
    shown = record["context"] = record["context"][:passages]
    if "sources" in record:
        record["sources"] = [text for text in record["sources"] if text in shown]


def _reason(row: Row, record: Row, entry: DatasetSpec) -> str | None:
    for keep in entry.filters:
        reason = keep(row, record)
        if reason:
            return reason
    return None


def _kept(where: str, row: Row, record: Row, entry: DatasetSpec) -> KeptRow:
    native = record["native"] if record["native"] is not None else content_hash(record)
    record |= {"id": f"{entry.name}:{native}", "dataset": entry.name, "task": entry.task}
    together = entry.by_passage and record["context"]
    if together and "shared_passages" not in record:
        record["by_passage"] = True
    columns = {name: record[name] for name in (*COLUMNS, *MARKS) if name in record}
    line = json.dumps(columns, ensure_ascii=False).encode() + b"\n"
    group = record["context"][0] if together else record["id"]
    return KeptRow(where, record["id"], group, _split(row), line)


def _split(row: Row) -> int:
    if "split" not in row:
        return NO_SPLIT
    return TRAIN if row["split"] == splits.TRAIN else EVAL


def content_hash(record: Row) -> str:
    """The id of a row whose publisher gives none: 16 hex digits of its content."""
    return hashing.digest(
        *(record[column] for column in ("instruction", "question", "context", "references"))
    )


def filter_file(
    raw: Path,
    folder: Path,
    entry: DatasetSpec,
    sizes: DataSet,
    settings: FilterSettings,
    contexts: Contexts | None = None,
) -> Row:
    """Write `folder`/train.jsonl and eval.jsonl from published rows; returns the counts for
    metrics/data.

    Rows of a published split named "train" may train, those of other splits may evaluate. A set
    without a column `split` is divided at random (by a hash of seed and id, or of seed and first
    passage for a user's own): first the evaluation rows, then the training rows. `sizes.train` caps
    the training rows, again by hash, so that a smaller cap keeps a subset of a larger one.
    Published evaluation rows are all kept: the stage evaluation_set caps them once it knows which
    are unseen in training. InputError if a part that the sizes ask for is left empty, or if two
    different rows share an id.
    """
    if entry.unanswered and sizes.train != 0:
        raise InputError(
            f"params.yaml: 'data.datasets.{entry.name}.train' must be 0: its rows have no response"
        )
    if settings.rows_with_input == "drop":
        entry = entry.without_inputs()
    with io.atomic_folder(folder) as new, tempfile.TemporaryFile(dir=new) as spool:
        read, dropped, passed = 0, Counter[str](), PassedRows()
        for part in _parts(raw, entry, settings.passages, contexts):
            read += part.read
            dropped.update(part.dropped)
            for row in part.kept:
                spool.write(row.line)
                passed.add(row, settings.seed)
        if not read:
            raise InputError(f"{raw}: the file holds no row")
        if repeated := passed.mark_repeats(raw):
            dropped["repeated row"] = repeated
        marks = divide(passed.groups, passed.splits, sizes, entry.name)
        counts = {
            "dataset": entry.name,
            "task": entry.task,
            "read": read,
            "dropped": dict(sorted(dropped.items())),
            "passed": len(marks) - repeated,
            "train": marks.count(TRAIN),
            "eval": marks.count(EVAL),
            "not_needed": marks.count(NOT_NEEDED),
        }
        _require(entry, sizes, counts)
        spool.seek(0)
        _write_parts(spool, new, marks)
    return counts


def _parts(
    raw: Path, entry: DatasetSpec, passages: int, contexts: Contexts | None
) -> Iterator[Filtered]:
    if entry.read is None:
        yield from parallel_jsonl.over(
            raw, lambda block: filter_rows(block.rows(), entry, passages, contexts)
        )
        return
    rows = entry.read(raw)
    while batch := list(islice(rows, BATCH)):
        yield filter_rows(batch, entry, passages, contexts)


def divide(keys: Sequence[int], splits: bytes | bytearray, sizes: DataSet, name: str) -> bytearray:
    """TRAIN, EVAL, NOT_NEEDED or REPEATED for each row, from its random key and its published split
    (NO_SPLIT where it has none). InputError if the sizes do not say how to divide rows without one.
    """
    train, evaluation, unsplit = (
        _places(splits, TRAIN),
        _places(splits, EVAL),
        _places(splits, NO_SPLIT),
    )
    unsplit.sort(key=keys.__getitem__)
    if sizes.train == 0:
        evaluation += unsplit
    elif sizes.eval is not None:
        cut = sizes.eval
        # rows with one passage stay together; `evaluation_set` takes its share of them
        while 0 < cut < len(unsplit) and keys[unsplit[cut - 1]] == keys[unsplit[cut]]:
            cut += 1
        evaluation += unsplit[:cut]
        train += unsplit[cut:]
    elif unsplit:
        raise InputError(
            f"params.yaml: 'data.datasets.{name}.eval' is null, but the rows have no column 'split'"
            " that says which evaluate; give a number"
        )
    if sizes.train is not None:
        train = sorted(train, key=keys.__getitem__)[: sizes.train]
    if sizes.eval == 0:
        evaluation = []

    marks = bytearray([NOT_NEEDED]) * len(splits)
    for mark, places in ((REPEATED, _places(splits, REPEATED)), (TRAIN, train), (EVAL, evaluation)):
        for place in places:
            marks[place] = mark
    return marks


def _places(splits: bytes | bytearray, wanted: int) -> list[int]:
    return [place for place, split in enumerate(splits) if split == wanted]


def _require(entry: DatasetSpec, sizes: DataSet, counts: Row) -> None:
    together = "rows with one first passage stay together; " if entry.by_passage else ""
    for name, cap in (("train", sizes.train), ("eval", sizes.eval)):
        if cap != 0 and not counts[name]:
            raise InputError(
                f"data set '{counts['dataset']}' has no row left for {name}: {counts['read']} read;"
                f" dropped: {reasons(counts)}; {counts['passed']} passed the filters,"
                f" {counts['train']} are for train, {counts['eval']} for eval"
                f" ({together}see data.datasets.{counts['dataset']})"
            )


def reasons(counts: Row) -> str:
    """Why rows were dropped, and how many, in words."""
    return ", ".join(f"{count} {why}" for why, count in counts["dropped"].items()) or "none"


def _write_parts(lines: Iterable[bytes], folder: Path, marks: bytearray) -> None:
    with (
        open(folder / "train.jsonl", "wb") as train,
        open(folder / "eval.jsonl", "wb") as evaluation,
    ):
        for mark, line in zip(marks, lines, strict=True):
            if mark in (TRAIN, EVAL):
                (train if mark == TRAIN else evaluation).write(line)


@dataclass(frozen=True)
class PassedRows:
    """What is remembered of the rows that passed, side by side: 33 bytes a row, since there may be
    a million.
    """

    lines: array = field(default_factory=lambda: array("Q"))  # its line in the raw file
    ids: array = field(default_factory=lambda: array("Q"))  # 64-bit hashes
    groups: array = field(default_factory=lambda: array("Q"))  # 64-bit hashes
    contents: array = field(default_factory=lambda: array("Q"))
    splits: bytearray = field(default_factory=bytearray)

    def add(self, row: KeptRow, seed: int) -> None:
        self.lines.append(int(row.where.rpartition(":")[2]))
        self.ids.append(order(seed, row.id))
        self.groups.append(order(seed, row.group))
        self.contents.append(int.from_bytes(hashlib.blake2b(row.line, digest_size=8).digest()))
        self.splits.append(row.split)

    def mark_repeats(self, raw: Path) -> int:
        """Mark rows whose id came before as REPEATED and return their number; InputError if the
        content differs.
        """
        count, before = 0, -1
        # stable, so the first of the file comes first
        for i in sorted(range(len(self.ids)), key=self.ids.__getitem__):
            if before < 0 or self.ids[i] != self.ids[before]:
                before = i
                continue
            if self.contents[i] != self.contents[before]:
                raise InputError(
                    f"{raw}:{self.lines[i]}: this row has the id of {raw}:{self.lines[before]} and"
                    " another content; keep one of them"
                )
            self.splits[i] = REPEATED
            count += 1
        return count

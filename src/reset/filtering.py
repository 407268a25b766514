"""From published rows to common records: mapping, filters, ids, and the choice of the rows that are kept.

A first pass over blocks of lines maps and filters on all cores. What passes is spooled to disk; a second pass copies
the rows that the sizes in params.yaml ask for. Only eight bytes and a flag a row stay in memory.
"""

import hashlib
import json
import os
import shutil
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from reset import blocks, records
from reset.datasets import DataSet
from reset.errors import InputError
from reset.published.entry import Entry, check, shape_of
from reset.records import Row

TRAIN, EVAL, UNDECIDED, SPARE = range(4)  # what becomes of a row; UNDECIDED: its set has no splits; SPARE: not needed
BATCH = 2000  # rows worked on at once where they are joined before
COLUMNS = ("id", "dataset", "task", "instruction", "question", "context", "references")
MARKS = ("shared_passages",)  # only where it is true: the context was retrieved from the passages of all rows
Contexts = Callable[[Sequence[str]], list[list[str]]]  # questions -> the passages found for each


@dataclass(frozen=True)
class Kept:
    """One row that passed the filters, as a line of JSON."""

    where: str
    id: str
    split: int
    line: bytes


@dataclass(frozen=True)
class Filtered:
    """What one block of published rows came to."""

    read: int
    dropped: Counter
    kept: list[Kept]


def filter_rows(
    rows: Iterable[tuple[str, Row]], entry: Entry, passages: int, contexts: Contexts | None = None
) -> Filtered:
    """Map and filter published rows; `rows` come with their places, for messages.

    A row is dropped for the first reason that any filter gives. A context holds at most `passages` passages; where
    `contexts` is given (data.retrieval: bm25) it builds them from the question, and rows get `shared_passages`.
    """
    mapped = []
    for where, row in rows:
        shape = shape_of(entry, row, where)
        check(row, shape.columns | ({"split": str} if "split" in row else {}), where)
        mapped.append((where, row, shape.record(row)))
    if contexts is not None:
        found = contexts([record["question"] for _, _, record in mapped])
        for (_, _, record), context in zip(mapped, found, strict=True):
            record |= {"context": context, "shared_passages": True}
    result = Filtered(len(mapped), Counter(), [])
    for where, row, record in mapped:
        record["context"] = record["context"][:passages]
        reason = next((reason for keep in entry.filters if (reason := keep(row, record))), None)
        if reason:
            result.dropped[reason] += 1
        else:
            result.kept.append(_kept(where, row, record, entry))
    return result


def _kept(where: str, row: Row, record: Row, entry: Entry) -> Kept:
    native = record["native"] if record["native"] is not None else content_hash(record)
    record |= {"id": f"{entry.name}:{native}", "dataset": entry.name, "task": entry.task}
    columns = {column: record[column] for column in (*COLUMNS, *(name for name in MARKS if name in record))}
    line = json.dumps(columns, ensure_ascii=False).encode() + b"\n"
    split = UNDECIDED if "split" not in row else TRAIN if row["split"] == "train" else EVAL
    return Kept(where, record["id"], split, line)


def content_hash(record: Row) -> str:
    """The id of a row whose publisher gives none: 16 hex digits of its content."""
    return records.digest(*(record[column] for column in ("instruction", "question", "context", "references")))


def filter_file(
    raw: Path, folder: Path, entry: Entry, settings: DataSet, passages: int, seed: int, contexts: Contexts | None = None
) -> Row:
    """Write `folder`/train.jsonl and eval.jsonl from published rows; returns the counts for metrics/data.

    Rows of a published split named "train" may train, those of other splits may evaluate. A set without a column
    `split` is divided at random (by a hash of seed and id): first the evaluation rows, then the training rows.
    `settings.train` caps the training rows, again by hash, so that a smaller cap keeps a subset of a larger one.
    Published evaluation rows are all kept: the evalset stage caps them once it knows which are unseen in training.
    InputError if a part that the settings ask for is left empty, or if two different rows share an id.
    """
    if entry.unanswered and settings.train != 0:
        raise InputError(f"params.yaml: 'data.datasets.{entry.name}.train' must be 0: its rows have no response")
    spool = folder.with_name(f".{folder.name}.{os.getpid()}")
    spool.mkdir(parents=True)
    try:
        read, dropped, keys, splits = 0, Counter[str](), array("Q"), bytearray()
        repeats = Repeats()
        with open(spool / "passed", "wb") as handle:
            for part in _parts(raw, entry, passages, contexts):
                read += part.read
                dropped.update(part.dropped)
                for row in part.kept:
                    if repeats.met(row):
                        dropped["repeated row"] += 1
                        continue
                    handle.write(row.line)
                    keys.append(order(seed, row.id))
                    splits.append(row.split)
        if not read:
            raise InputError(f"{raw}: the file holds no row")
        marks = divide(keys, splits, settings, entry.name)
        counts = {
            "dataset": entry.name,
            "task": entry.task,
            "read": read,
            "dropped": dict(sorted(dropped.items())),
            "passed": len(marks),
            "train": marks.count(TRAIN),
            "eval": marks.count(EVAL),
            "not_needed": marks.count(SPARE),
        }
        _require(settings, counts)
        _write_parts(spool, marks)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("train", "eval"):
            os.replace(spool / f"{name}.jsonl", folder / f"{name}.jsonl")
        return counts
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); what was there before is whole") from None
    finally:
        shutil.rmtree(spool, ignore_errors=True)


def _parts(raw: Path, entry: Entry, passages: int, contexts: Contexts | None) -> Iterator[Filtered]:
    if entry.read is None:
        yield from blocks.over(raw, lambda block: filter_rows(block.rows(), entry, passages, contexts))
        return
    rows = entry.read(raw)
    while batch := list(islice(rows, BATCH)):
        yield filter_rows(batch, entry, passages, contexts)


def divide(keys: Sequence[int], splits: bytes | bytearray, settings: DataSet, name: str) -> bytearray:
    """TRAIN, EVAL or SPARE for each row, from its random key and its published split."""
    undecided = [i for i, split in enumerate(splits) if split == UNDECIDED]
    train = [i for i, split in enumerate(splits) if split == TRAIN]
    evaluation = [i for i, split in enumerate(splits) if split == EVAL]
    if undecided and settings.train != 0 and settings.eval is None:
        raise InputError(
            f"params.yaml: 'data.datasets.{name}.eval' is null, but the rows have no column 'split' that says which "
            "evaluate; give a number"
        )
    border = None if settings.train == 0 else settings.eval
    undecided.sort(key=keys.__getitem__)
    evaluation += undecided[:border]
    train += undecided[border:] if border is not None else []
    if settings.train is not None and len(train) > settings.train:
        train = sorted(train, key=keys.__getitem__)[: settings.train]
    marks = bytearray([SPARE]) * len(splits)
    for i in train:
        marks[i] = TRAIN
    for i in evaluation if settings.eval != 0 else []:
        marks[i] = EVAL
    return marks


def _require(settings: DataSet, counts: Row) -> None:
    for name, cap in (("train", settings.train), ("eval", settings.eval)):
        if cap != 0 and not counts[name]:
            dropped = ", ".join(f"{count} {reason}" for reason, count in counts["dropped"].items()) or "none"
            raise InputError(
                f"data set '{counts['dataset']}' has no row left for {name}: {counts['read']} read; dropped: "
                f"{dropped}; {counts['passed']} passed the filters, {counts['train']} are for train, "
                f"{counts['eval']} for eval (see data.datasets.{counts['dataset']})"
            )


def _write_parts(spool: Path, marks: bytearray) -> None:
    with (
        open(spool / "passed", "rb") as passed,
        open(spool / "train.jsonl", "wb") as train,
        open(spool / "eval.jsonl", "wb") as evaluation,
    ):
        for mark, line in zip(marks, passed, strict=True):
            if mark != SPARE:
                (train if mark == TRAIN else evaluation).write(line)
        for handle in (train, evaluation):
            handle.flush()
            os.fsync(handle.fileno())


def order(seed: int, key: str) -> int:
    """A 64-bit number that puts ids in a random order, the same in every run with that seed."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=8).digest())


class Repeats:
    """Which ids have been met, with what content; holds 16 bytes of hash a row."""

    def __init__(self) -> None:
        self.contents: dict[int, int] = {}

    def met(self, row: Kept) -> bool:
        """True for a row met before; InputError if its id was met with another content."""
        key = order(0, row.id)
        content = int.from_bytes(hashlib.blake2b(row.line, digest_size=8).digest())
        if key not in self.contents:
            self.contents[key] = content
            return False
        if self.contents[key] != content:
            raise InputError(
                f"{row.where}: id '{row.id}' stands twice in the data set, with different contents; keep one"
            )
        return True

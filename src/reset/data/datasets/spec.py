"""What the project knows of one published data set, and the check of its columns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reset.core import io
from reset.core.errors import InputError
from reset.core.io import Row
from reset.data.records.filters import Filter

# characters; the longest real field (a ShareGPT turn) has well under a million
LONGEST_FIELD = 4_000_000


@dataclass(frozen=True)
class RowFormat:
    """One way in which rows of the set are published.

    `columns`: the columns that it needs, each with its type: str, int, bool, float, [type] for a
    list, {name: type} for an object (lists beside each other, as in a table, must be equally long),
    (type, value) where that one value may stand instead, as null; or a function of value, place and
    field name that raises InputError. `record` turns a published row into a record: `native` (the
    set's own id or None), instruction, question, context (passages), references; filters judge it
    afterwards.
    """

    columns: dict[str, Any]
    record: Callable[[Row], Row]


@dataclass(frozen=True)
class DatasetSpec:
    """One data set: its task, its shapes, its filters in the order in which they are counted.

    `input_filters` go before these under `data.rows_with_input: drop`: they drop requests that come
    with an input of their own. `passages` says how QA contexts come: "retrieved" (a ranked list,
    left alone) or "gathered" (one gold passage or an unordered pile, where data.retrieval may build
    a list). `unanswered`: rows have no reference. `read` replaces the plain reading of rows (each
    with its file:line) where rows must be joined first; the filter stage then runs in one process.
    `by_passage`: it is the passages that tell a row from others, whatever is asked of them: those
    with one first passage are divided together, and decontamination looks at nothing else.
    """

    name: str
    task: str
    shapes: tuple[RowFormat, ...]
    filters: tuple[Filter, ...]
    input_filters: tuple[Filter, ...] = ()
    passages: str = "retrieved"
    unanswered: bool = False
    by_passage: bool = False
    read: Callable[[Path], Iterator[tuple[str, Row]]] | None = None

    def without_inputs(self) -> "DatasetSpec":
        """The same set without requests that come with an input."""
        return replace(self, filters=(*self.input_filters, *self.filters))


def row_format(entry: DatasetSpec, row: Row, where: str) -> RowFormat:
    """The shape whose columns the row has; InputError naming the columns that are missing from the
    nearest one.
    """
    named = [shape for shape in entry.shapes if shape.columns.keys() <= row.keys()]
    for shape in named:
        if _fits(row, shape.columns):
            return shape
    if named:
        return named[0]
    nearest = min(entry.shapes, key=lambda shape: len(shape.columns.keys() - row.keys()))
    io.require_columns(row, nearest.columns, f"{where}: data set '{entry.name}'")
    raise AssertionError("a shape without missing columns would have been returned")


def _fits(row: Row, columns: dict[str, Any]) -> bool:
    """Whether there is a list or an object wherever one is expected: what tells shapes with the
    same column names apart.
    """
    for name, kind in columns.items():
        if isinstance(kind, list | dict) and not isinstance(row[name], type(kind)):
            return False
    return True


def check(row: Row, columns: dict[str, Any], where: str) -> None:
    """Raise InputError naming the field whose value is not of its type, or is too long to be a real
    one.
    """
    for name, kind in columns.items():
        _check(row[name], kind, where, name)


def _check(value: Any, kind: Any, where: str, field: str) -> None:
    if callable(kind) and not isinstance(kind, type):
        kind(value, where, field)
        return
    if isinstance(kind, tuple):
        if value == kind[1]:
            return
        kind = kind[0]
    if isinstance(kind, list):
        if not isinstance(value, list):
            raise InputError(f"{where}: field '{field}' is {_name(value)}; a list is expected")
        if kind[0] is str and all(
            type(text) is str and len(text) <= LONGEST_FIELD for text in value
        ):
            return  # the most frequent case; the walk below finds out what is wrong
        for index, entry in enumerate(value):
            _check(entry, kind[0], where, f"{field}[{index}]")
    elif isinstance(kind, dict):
        if not isinstance(value, dict):
            raise InputError(f"{where}: field '{field}' is {_name(value)}; an object is expected")
        for name, inner in kind.items():
            if name not in value:
                raise InputError(
                    f"{where}: field '{field}' has no '{name}'; it has"
                    f" {', '.join(value) or 'nothing'}"
                )
            _check(value[name], inner, where, f"{field}.{name}")
        lists = all(isinstance(inner, list) for inner in kind.values())
        lengths = {len(value[name]) for name in kind} if lists else set()
        if len(lengths) > 1:
            sizes = ", ".join(f"{name}: {len(value[name])}" for name in kind)
            raise InputError(f"{where}: field '{field}' holds lists of different lengths ({sizes})")
    elif type(value) is not kind and not (kind is float and type(value) is int):
        raise InputError(f"{where}: field '{field}' is {_name(value)}; {kind.__name__} is expected")
    elif kind is str and len(value) > LONGEST_FIELD:
        raise InputError(
            f"{where}: field '{field}' holds {len(value):,} characters; at most {LONGEST_FIELD:,}"
            " are read"
        )


def _name(value: Any) -> str:
    return "null" if value is None else type(value).__name__


def instruction_record(native: Any, instruction: str, response: str | None = None) -> Row:
    """The record of an instruction row; without a response it has no reference."""
    return {
        "native": native,
        "instruction": instruction.strip(),
        "question": "",
        "context": [],
        "references": [response.strip()] if response and response.strip() else [],
    }


def context_record(native: Any, question: str, context: list[str], references: list[str]) -> Row:
    """The record of a context-dependent row; empty passages and references, and repeated ones, are
    left out.
    """
    return {
        "native": native,
        "instruction": "",
        "question": question.strip(),
        "context": _distinct(context),
        "references": _distinct(references),
    }


def _distinct(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(stripped for text in texts if (stripped := text.strip())))

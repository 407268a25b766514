"""A user's own rows: a task and a mapping of columns make them a data set like any other."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reset.core.errors import InputError
from reset.core.io import Row
from reset.data.datasets import messages
from reset.data.datasets.spec import (
    DatasetSpec,
    RowFormat,
    check,
    context_record,
    instruction_record,
)
from reset.data.records import filters
from reset.data.sources.dataset_config import OwnSource


@dataclass(frozen=True)
class Mapping:
    """The names that `columns` must and may map for one form of a task's rows."""

    needed: tuple[str, ...]
    optional: tuple[str, ...]


QA_COLUMNS = Mapping(("question", "context", "references"), ("id", "instruction"))
QA_MESSAGES = Mapping(("messages", "context"), ("id", "instruction"))
# the first form of a task is the one meant where nothing tells
FORMS = {
    "instruction": (
        Mapping(("instruction",), ("id", "input", "references")),
        Mapping(("messages",), ("id",)),
    ),
    "extractive_qa": (QA_COLUMNS, QA_MESSAGES),
    "abstractive_qa": (QA_COLUMNS, QA_MESSAGES),
    "summarization": (Mapping(("context", "references"), ("id", "instruction")),),
}
FILTERS = {
    "instruction": filters.INSTRUCTION,
    "extractive_qa": filters.EXTRACTIVE_QA,
    "abstractive_qa": (filters.has_question, filters.has_answer, filters.has_passage),
    "summarization": filters.SUMMARIZATION,
}


def entry(name: str, own: OwnSource) -> DatasetSpec:
    """The user's rows as if they were a published data set; InputError for a mapping that cannot
    serve its task: a column that the task needs is missing, or one would not be used.
    """
    check_mapping(name, own)
    kinds = {column: KINDS[role] for role, column in own.columns.items()}
    shape = RowFormat(kinds, _record_of(own))
    unanswered = not {"references", "messages"} & own.columns.keys()
    kept = filters.INSTRUCTION_EVALUATION if unanswered else FILTERS[own.task]
    # without a question there is nothing to retrieve by
    passages = "gathered" if own.task.endswith("_qa") else "retrieved"
    return DatasetSpec(
        name,
        own.task,
        (shape,),
        kept,
        passages=passages,
        unanswered=unanswered,
        by_passage=True,
    )


def check_mapping(name: str, own: OwnSource) -> None:
    """Raise InputError unless `own.columns` maps what the task needs, and nothing that it drops."""
    where = f"data.datasets.{name}.source.columns"
    form = _form(own)
    for role in form.needed:
        if role not in own.columns:
            raise InputError(
                f"params.yaml: '{where}' names no column for '{role}', which {own.task} needs"
            )
    used = (*form.needed, *form.optional)
    owners: dict[str, str] = {}
    for role, column in own.columns.items():
        if role not in KINDS:
            raise InputError(
                f"params.yaml: '{where}.{role}' is unknown; expected one of {', '.join(KINDS)}"
            )
        if role not in used:
            raise InputError(
                f"params.yaml: '{where}.{role}' would be dropped: {own.task} rows with"
                f" {form.needed[0]} use {', '.join(used)}; map '{column}' to one of these, or leave"
                " it out"
            )
        if column in owners:
            raise InputError(
                f"params.yaml: '{where}' maps the column '{column}' to {owners[column]} and to"
                f" {role}; each column has one use"
            )
        owners[column] = role


def _form(own: OwnSource) -> Mapping:
    """The form of the task's rows that is meant: the one with messages, if they are mapped."""
    forms = FORMS[own.task]
    return next((form for form in forms if form.needed[0] in own.columns), forms[0])


def _record_of(own: OwnSource) -> Callable[[Row], Row]:
    """The function that turns a row of the user's columns into a record."""

    def record(row: Row) -> Row:
        values = {role: row[column] for role, column in own.columns.items()}
        native = str(values["id"]) if "id" in values else None
        instruction = values.get("instruction") or ""
        question = values.get("question") or ""
        references = _list(values.get("references"))
        if "messages" in values:
            question, answer = messages.request_and_answer(values["messages"])
            references = [answer]
        if own.task == "instruction":
            parts = [instruction or question, values.get("input") or ""]
            request = "\n\n".join(part.strip() for part in parts if part.strip())
            return instruction_record(native, request, next(iter(references), ""))
        made = context_record(native, question, _list(values.get("context")), references)
        return made | {"instruction": instruction.strip()}

    return record


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _check_texts(value: Any, where: str, field: str) -> None:
    """A text, a list of texts or null, no text too long to be a real one."""
    if value is None:
        return
    if not isinstance(value, str) and not (
        isinstance(value, list) and all(isinstance(text, str) for text in value)
    ):
        raise InputError(
            f"{where}: field '{field}': expected a text or a list of texts, got"
            f" {json.dumps(value)[:80]}"
        )
    check({field: value}, {field: [str] if isinstance(value, list) else str}, where)


def _check_id(value: Any, where: str, field: str) -> None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError(
            f"{where}: field '{field}': expected a text or a whole number, got"
            f" {json.dumps(value)[:80]}"
        )
    check({field: value}, {field: type(value)}, where)


# what `columns` may map -> what the column holds
KINDS: dict[str, Any] = {
    "id": _check_id,
    "instruction": (str, None),
    "input": (str, None),
    "messages": messages.check,
    "question": (str, None),
    "context": _check_texts,
    "references": _check_texts,
}

"""A user's own rows: any JSON Lines file, with a task and a mapping of columns."""

import json
from typing import Any

from reset.core.errors import InputError
from reset.core.io import Row
from reset.data.datasets.spec import (
    DatasetSpec,
    RowFormat,
    check,
    context_record,
    instruction_record,
)
from reset.data.records import filters
from reset.data.sources.dataset_config import OwnFile

NEEDED = {
    "instruction": ("instruction",),
    "extractive_qa": ("question", "context", "references"),
    "abstractive_qa": ("question", "context", "references"),
    "summarization": ("context", "references"),
}
ALLOWED = ("id", "instruction", "question", "context", "references")
FILTERS = {
    "instruction": filters.INSTRUCTION,
    "extractive_qa": filters.EXTRACTIVE_QA,
    "abstractive_qa": (filters.has_question, filters.has_answer, filters.has_passage),
    "summarization": filters.SUMMARIZATION,
}


def entry(name: str, file: OwnFile) -> DatasetSpec:
    """The user's file as if it were a published data set; InputError for a mapping that cannot
    serve its task.
    """
    where = f"data.datasets.{name}.source.columns"
    for column in NEEDED[file.task]:
        if column not in file.columns:
            raise InputError(
                f"params.yaml: '{where}' names no column for '{column}', which {file.task} needs"
            )
    for column in file.columns:
        if column not in ALLOWED:
            raise InputError(
                f"params.yaml: '{where}.{column}' is unknown; known: {', '.join(ALLOWED)}"
            )

    def record(row: Row) -> Row:
        def texts(column: str) -> list[str]:
            value = row[file.columns[column]] if column in file.columns else []
            return [value] if isinstance(value, str) else list(value or [])

        native = str(row[file.columns["id"]]) if "id" in file.columns else None
        question, instruction = "\n".join(texts("question")), "\n".join(texts("instruction"))
        if file.task == "instruction":
            return instruction_record(native, instruction, (texts("references") or [""])[0])
        return context_record(native, question, texts("context"), texts("references")) | {
            "instruction": instruction
        }

    kinds = {
        "id": _identity,
        "context": _texts,
        "references": _texts,
        "question": str,
        "instruction": str,
    }
    shape = RowFormat({column: kinds[name] for name, column in file.columns.items()}, record)
    unanswered = "references" not in file.columns
    kept = filters.INSTRUCTION_EVALUATION if unanswered else FILTERS[file.task]
    # without a question there is nothing to retrieve by
    passages = "gathered" if file.task.endswith("_qa") else "retrieved"
    return DatasetSpec(name, file.task, (shape,), kept, passages=passages, unanswered=unanswered)


def _texts(value: Any, where: str, field: str) -> None:
    """A text or a list of texts, none of them too long to be a real one."""
    if not isinstance(value, str) and not (
        isinstance(value, list) and all(isinstance(text, str) for text in value)
    ):
        raise InputError(
            f"{where}: field '{field}' is {json.dumps(value)[:80]}; a text or a list of texts is"
            " expected"
        )
    check({field: value}, {field: [str] if isinstance(value, list) else str}, where)


def _identity(value: Any, where: str, field: str) -> None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError(
            f"{where}: field '{field}' is {json.dumps(value)[:80]}; a text or a number is expected"
        )
    check({field: value}, {field: type(value)}, where)

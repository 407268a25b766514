"""BioASQ: questions of biomedical experts with snippets of PubMed (CC BY 2.5); evaluation only."""

from itertools import chain
from typing import Any

from reset.core.io import Row
from reset.data.datasets import mrqa, retrieved
from reset.data.datasets.spec import DatasetSpec, RowFormat, context_record
from reset.data.records import filters


def record(row: Row) -> Row:
    """A question of a golden file. The exact answers of a factoid are lists of synonyms, those of a
    list question lists of such lists: all are flattened. Yes-no and summary questions have no span
    to extract.
    """
    snippets = [mrqa.titled(snippet["text"]) for snippet in row["snippets"]]
    return context_record(row["id"], row["body"], snippets, list(_flat(row.get("exact_answer"))))


def _flat(value: Any) -> list[str]:
    if isinstance(value, list):
        return list(chain.from_iterable(map(_flat, value)))
    return [] if value is None else [str(value)]


def asks_for_a_span(row: Row, _record: Row) -> str | None:
    # MRQA's rows are factoids and do not say so; RobustQA keeps questions with a span alone
    kind = row.get("type", "factoid")
    return None if kind in ("factoid", "list") else f"a {kind} question"


ENTRY = DatasetSpec(
    name="bioasq",
    task="extractive_qa",
    shapes=(
        RowFormat({"id": str, "body": str, "type": str, "snippets": [{"text": str}]}, record),
        RowFormat(mrqa.COLUMNS, mrqa.record),
        retrieved.FORMAT,
    ),
    filters=(asks_for_a_span, *filters.EXTRACTIVE_QA),
    passages="gathered",
)

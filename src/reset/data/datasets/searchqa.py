"""SearchQA: Jeopardy! clues with the snippets of a web search (BSD-3, third-party text); evaluation
only.
"""

import re

from reset.core.io import Row
from reset.data.datasets import mrqa, retrieved
from reset.data.datasets.spec import DatasetSpec, RowFormat, context_record
from reset.data.records import filters

OPTIONAL = re.compile(r"\([^()]*\)")  # "(Lou) Gehrig": the part in brackets may be left out


def record(row: Row) -> Row:
    """A clue as the publishers ship it, one object a result; snippets may be null."""
    results = row["search_results"]
    passages = [
        mrqa.titled(result["snippet"] or "", result["title"])
        for result in results
        if result["snippet"]
    ]
    return _record(row, passages)


def record_of_the_table(row: Row) -> Row:
    """A clue as the hub's old table has it, one list a column."""
    columns = row["search_results"]
    pairs = zip(columns["snippets"], columns["titles"], strict=True)
    return _record(row, [mrqa.titled(snippet, title) for snippet, title in pairs if snippet])


def _record(row: Row, passages: list[str]) -> Row:
    answer = row["answer"].strip()
    short = " ".join(OPTIONAL.sub(" ", answer).split())
    native = str(row["id"]) if "id" in row else None
    return context_record(native, row["question"], passages, [answer, short])


ENTRY = DatasetSpec(
    name="searchqa",
    task="extractive_qa",
    shapes=(
        RowFormat(
            {
                "question": str,
                "answer": str,
                "search_results": {"snippets": [(str, None)], "titles": [(str, None)]},
            },
            record_of_the_table,
        ),
        RowFormat(
            {
                "question": str,
                "answer": str,
                "search_results": [{"snippet": (str, None), "title": (str, None)}],
            },
            record,
        ),
        RowFormat(mrqa.COLUMNS, mrqa.record),
        retrieved.FORMAT,
    ),
    filters=filters.EXTRACTIVE_QA,
    passages="gathered",
)

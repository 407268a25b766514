"""MS MARCO QA v2.1: queries to a search engine with ten passages and answers in free text (research
use only).
"""

from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, RowFormat, context_record
from reset.data.records import filters

NO_ANSWER = "No Answer Present."
ABSENT = "[]"  # what Microsoft's own files say where there is no list
COLUMNS = {
    "query_id": int,
    "query": str,
    "answers": ([str], ABSENT),
    "wellFormedAnswers": ([str], ABSENT),
}


def record(row: Row) -> Row:
    """Well-formed answers come first, so the first is the target; the passages keep the search
    engine's order.
    """
    passages, marks = row["passages"]["passage_text"], row["passages"]["is_selected"]
    return _record(row, list(zip(passages, marks, strict=True)))


def record_of_the_file(row: Row) -> Row:
    """The same from Microsoft's own files, where each passage is an object."""
    return _record(
        row, [(passage["passage_text"], passage["is_selected"]) for passage in row["passages"]]
    )


def _record(row: Row, passages: list[tuple[str, int]]) -> Row:
    answers = [text for name in ("wellFormedAnswers", "answers") for text in listed(row[name])]
    answers = [text for text in answers if text.strip() != NO_ANSWER]
    made = context_record(
        str(row["query_id"]), row["query"], [text for text, _ in passages], answers
    )
    return made | {"sources": [text.strip() for text, selected in passages if selected]}


def listed(value: list[str] | str) -> list[str]:
    return [] if value == ABSENT else list(value)


def well_formed(row: Row, _record: Row) -> str | None:
    return (
        None
        if any(text.strip() for text in listed(row["wellFormedAnswers"]))
        else "no well-formed answer"
    )


ENTRY = DatasetSpec(
    name="ms_marco",
    task="abstractive_qa",
    shapes=(
        RowFormat(COLUMNS | {"passages": {"is_selected": [int], "passage_text": [str]}}, record),
        RowFormat(
            COLUMNS | {"passages": [{"is_selected": int, "passage_text": str}]}, record_of_the_file
        ),
    ),
    filters=(filters.has_question, well_formed, filters.has_passage, filters.answer_supported),
)

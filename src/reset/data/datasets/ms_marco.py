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
    "wellFormedAnswers": ([str], ABSENT),
}


def record(row: Row) -> Row:
    """The well-formed answers alone are references; the passages keep the search engine's order."""
    passages, marks = row["passages"]["passage_text"], row["passages"]["is_selected"]
    return _record(row, list(zip(passages, marks, strict=True)))


def record_of_the_file(row: Row) -> Row:
    """The same from Microsoft's own files, where each passage is an object."""
    return _record(
        row, [(passage["passage_text"], passage["is_selected"]) for passage in row["passages"]]
    )


def _record(row: Row, passages: list[tuple[str, int]]) -> Row:
    texts = [text for text, _ in passages]
    sources = [text.strip() for text, selected in passages if selected]
    answers = well_formed_answers(row["wellFormedAnswers"])
    return context_record(str(row["query_id"]), row["query"], texts, answers) | {"sources": sources}


def well_formed_answers(value: list[str] | str) -> list[str]:
    """The well-formed answers of a row, without the sentence that says that there is none."""
    answers = [] if value == ABSENT else value
    return [text for text in answers if text.strip() != NO_ANSWER]


ENTRY = DatasetSpec(
    name="ms_marco",
    task="abstractive_qa",
    shapes=(
        RowFormat(COLUMNS | {"passages": {"is_selected": [int], "passage_text": [str]}}, record),
        RowFormat(
            COLUMNS | {"passages": [{"is_selected": int, "passage_text": str}]}, record_of_the_file
        ),
    ),
    filters=(
        filters.has_question,
        filters.needs("references", "no well-formed answer"),
        filters.has_passage,
        filters.answer_supported,
    ),
)

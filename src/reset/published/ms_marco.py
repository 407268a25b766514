"""MS MARCO QA v2.1: queries to a search engine with ten passages and answers in free text (research use only)."""

from reset import filters
from reset.published.entry import Entry, Hub, Shape, context_record
from reset.records import Row

NO_ANSWER = "No Answer Present."
ABSENT = "[]"  # what Microsoft's own files say where there is no list


def record(row: Row) -> Row:
    """Well-formed answers come first, so the first is the target; the passages keep the search engine's order."""
    passages = row["passages"]["passage_text"]
    answers = [text for name in ("wellFormedAnswers", "answers") for text in listed(row[name])]
    answers = [text for text in answers if text.strip() != NO_ANSWER]
    made = context_record(str(row["query_id"]), row["query"], passages, answers)
    chosen = row["passages"]["is_selected"]
    made["sources"] = [text.strip() for text, mark in zip(passages, chosen, strict=True) if mark]
    return made


def listed(value: list[str] | str) -> list[str]:
    return [] if value == ABSENT else list(value)


def well_formed(row: Row, _record: Row) -> str | None:
    return None if any(text.strip() for text in listed(row["wellFormedAnswers"])) else "no well-formed answer"


ENTRY = Entry(
    name="ms_marco",
    task="abstractive_qa",
    origin=Hub("microsoft/ms_marco", config="v2.1", splits={"train": "train", "eval": "validation"}),
    shapes=(
        Shape(
            {
                "query_id": int,
                "query": str,
                "answers": ([str], ABSENT),
                "wellFormedAnswers": ([str], ABSENT),
                "passages": {"is_selected": [int], "passage_text": [str]},
            },
            record,
        ),
    ),
    filters=(filters.has_question, well_formed, filters.has_passage, filters.answer_supported),
)

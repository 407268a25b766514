"""Koala-eval: 180 requests of real users without references, for evaluation (Apache-2.0)."""

from reset import filters
from reset.published.entry import Entry, Shape, instruction_record
from reset.records import Row


def record(row: Row) -> Row:
    return instruction_record(row["id"], row["prompt"])


ENTRY = Entry(
    name="koala_eval",
    task="instruction",
    shapes=(Shape({"id": str, "prompt": str}, record),),
    filters=filters.INSTRUCTION_EVALUATION,
    unanswered=True,
)

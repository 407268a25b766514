"""Koala-eval: 180 requests of real users without references, for evaluation (Apache-2.0)."""

from reset import filters
from reset.published.entry import Entry, Shape, Web, instruction_record
from reset.records import Row


def record(row: Row) -> Row:
    return instruction_record(row["id"], row["prompt"])


ENTRY = Entry(
    name="koala_eval",
    task="instruction",
    origin=Web(
        "https://raw.githubusercontent.com/arnav-gudibande/koala-test-set/2d4396aee3cff495382e9b0ad2521d70b177763b/"
        "koala_test_set.jsonl"
    ),
    shapes=(Shape({"id": str, "prompt": str}, record),),
    filters=filters.INSTRUCTION_EVALUATION,
    unanswered=True,
)

"""Vicuna-eval: eighty questions without references, for evaluation (Apache-2.0)."""

from reset import filters
from reset.published.entry import Entry, Shape, instruction_record
from reset.records import Row


def record(row: Row) -> Row:
    return instruction_record(str(row["question_id"]), row["turns"][0] if row["turns"] else "")


def record_of_the_table(row: Row) -> Row:
    return instruction_record(str(row["question_id"]), row["text"])


ENTRY = Entry(
    name="vicuna_eval",
    task="instruction",
    shapes=(
        Shape({"question_id": int, "turns": [str]}, record),
        Shape({"question_id": int, "text": str}, record_of_the_table),  # fastchat/eval/table, the older file
    ),
    filters=filters.INSTRUCTION_EVALUATION,
    unanswered=True,
)

"""Vicuna-eval: eighty questions without references, for evaluation (Apache-2.0)."""

from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, RowFormat, instruction_record
from reset.data.records import filters


def record(row: Row) -> Row:
    return instruction_record(str(row["question_id"]), row["turns"][0] if row["turns"] else "")


def record_of_the_table(row: Row) -> Row:
    return instruction_record(str(row["question_id"]), row["text"])


ENTRY = DatasetSpec(
    name="vicuna_eval",
    task="instruction",
    shapes=(
        RowFormat({"question_id": int, "turns": [str]}, record),
        # fastchat/eval/table, the older file
        RowFormat({"question_id": int, "text": str}, record_of_the_table),
    ),
    filters=filters.INSTRUCTION_EVALUATION,
    unanswered=True,
)

"""Koala-eval: 180 requests of real users without references, for evaluation (Apache-2.0)."""

from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, RowFormat, instruction_record
from reset.data.records import filters


def record(row: Row) -> Row:
    return instruction_record(row["id"], row["prompt"])


ENTRY = DatasetSpec(
    name="koala_eval",
    task="instruction",
    shapes=(RowFormat({"id": str, "prompt": str}, record),),
    filters=filters.INSTRUCTION_EVALUATION,
    unanswered=True,
)

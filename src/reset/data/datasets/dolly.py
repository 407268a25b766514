"""Dolly-15K: requests and answers by Databricks' employees (CC BY-SA 3.0)."""

from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, RowFormat, instruction_record
from reset.data.records import filters


def record(row: Row) -> Row:
    return instruction_record(None, row["instruction"], row["response"])


ENTRY = DatasetSpec(
    name="dolly",
    task="instruction",
    shapes=(RowFormat({"instruction": str, "context": (str, None), "response": str}, record),),
    filters=(filters.without_context, *filters.INSTRUCTION),
)

"""Dolly-15K: requests and answers by Databricks' employees (CC BY-SA 3.0)."""

from reset import filters
from reset.published.entry import Entry, Shape, instruction_record
from reset.records import Row


def record(row: Row) -> Row:
    return instruction_record(None, row["instruction"], row["response"])


ENTRY = Entry(
    name="dolly",
    task="instruction",
    shapes=(Shape({"instruction": str, "context": (str, None), "response": str}, record),),
    filters=(filters.without_context, *filters.INSTRUCTION),
)

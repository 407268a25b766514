"""Dolly-15K: requests and answers by Databricks' employees (CC BY-SA 3.0)."""

from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, RowFormat, instruction_record
from reset.data.records import filters

CONTEXT_CATEGORIES = ("closed_qa", "information_extraction", "summarization")


def record(row: Row) -> Row:
    return instruction_record(None, row["instruction"], row["response"])


def without_context(row: Row, _record: Row) -> str | None:
    """Rows that bring a context are no open-ended requests (paper), whatever their category."""
    return "has a context" if (row["context"] or "").strip() else None


def without_context_category(row: Row, _record: Row) -> str | None:
    """Rows of the categories that ask about a given text, though the row has none: the text was
    lost or is part of the instruction. The paper names the label summarization as its example.
    """
    category = row.get("category")
    if category in CONTEXT_CATEGORIES and not (row["context"] or "").strip():
        return f"of the category {category}, without a context"
    return None


ENTRY = DatasetSpec(
    name="dolly",
    task="instruction",
    shapes=(RowFormat({"instruction": str, "context": (str, None), "response": str}, record),),
    filters=(without_context, *filters.INSTRUCTION),
    input_filters=(without_context_category,),
)

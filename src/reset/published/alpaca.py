"""Alpaca: requests and answers by GPT-3.5 (CC BY-NC 4.0); evaluation data in the paper."""

from reset import filters
from reset.published.entry import Entry, Shape, instruction_record
from reset.records import Row

NO_INPUT = {"", "noinput", "<noinput>", "no input"}  # placeholders that stand in the published `input`


def record(row: Row) -> Row:
    """The instruction and, below a blank line, the input where there is one."""
    given = row["input"].strip()
    extra = "" if given.lower().rstrip(".") in NO_INPUT else f"\n\n{given}"
    return instruction_record(None, row["instruction"].strip() + extra, row["output"])


ENTRY = Entry(
    name="alpaca",
    task="instruction",
    shapes=(Shape({"instruction": str, "input": str, "output": str}, record),),
    filters=filters.INSTRUCTION,
)

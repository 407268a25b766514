"""Alpaca: requests and answers by GPT-3.5 (CC BY-NC 4.0); evaluation data in the paper."""

from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, RowFormat, instruction_record
from reset.data.records import filters

NO_INPUT = {
    "",
    "noinput",
    "<noinput>",
    "no input",
}  # placeholders that stand in the published `input`


def record(row: Row) -> Row:
    """The instruction and, below a blank line, the input where there is one."""
    given = row["input"].strip()
    extra = "" if given.lower().rstrip(".") in NO_INPUT else f"\n\n{given}"
    return instruction_record(None, row["instruction"].strip() + extra, row["output"])


ENTRY = DatasetSpec(
    name="alpaca",
    task="instruction",
    shapes=(RowFormat({"instruction": str, "input": str, "output": str}, record),),
    filters=filters.INSTRUCTION,
)

"""Alpaca: requests and answers by GPT-3.5 (CC BY-NC 4.0); evaluation data in the paper."""

import re

from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, RowFormat, instruction_record
from reset.data.records import filters

# what the published column holds where there is no input
NO_INPUT = re.compile(r"<?\s*no\s*input\s*>?\.?|n/a|none", re.IGNORECASE)


def record(row: Row) -> Row:
    """The instruction and, below a blank line, the input where there is one."""
    given = _input(row)
    extra = f"\n\n{given}" if given else ""
    return instruction_record(None, row["instruction"].strip() + extra, row["output"])


def _input(row: Row) -> str:
    given = row["input"].strip()
    return "" if NO_INPUT.fullmatch(given) else given


def without_input(row: Row, _record: Row) -> str | None:
    return "has an input" if _input(row) else None


ENTRY = DatasetSpec(
    name="alpaca",
    task="instruction",
    shapes=(RowFormat({"instruction": str, "input": str, "output": str}, record),),
    filters=filters.INSTRUCTION,
    input_filters=(without_input,),
)

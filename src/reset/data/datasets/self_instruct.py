"""Self-Instruct: requests and answers by GPT-3, wrapped in thirteen training templates
(Apache-2.0).
"""

import re

from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, RowFormat, instruction_record
from reset.data.records import filters

OPENING = re.compile(r"^\s*Task:[ \t]*")
CLOSING = re.compile(r"\s*\bOutput:\s*$")
END = "<|endoftext|>"


def record(row: Row) -> Row:
    """The request without the template's "Task:" and "Output:", the answer without its end mark.

    Instruction and input cannot be told apart in three of the seven input templates, so they stay
    one text.
    """
    prompt = CLOSING.sub("", OPENING.sub("", row["prompt"]))
    return instruction_record(None, prompt, row["completion"].split(END)[0])


ENTRY = DatasetSpec(
    name="self_instruct",
    task="instruction",
    shapes=(RowFormat({"prompt": str, "completion": str}, record),),
    filters=filters.INSTRUCTION,
)

"""Self-Instruct: requests and answers by GPT-3, wrapped in thirteen training templates
(Apache-2.0).
"""

import re

from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, RowFormat, instruction_record
from reset.data.records import filters

OPENING = re.compile(r"^\s*Task:[ \t]*")
CLOSING = re.compile(r"\s*\bOutput:\s*$")
INPUT = re.compile(r"^\s*Input:", re.MULTILINE)
END = "<|endoftext|>"


def record(row: Row) -> Row:
    """The request without the template's "Task:" and "Output:", the answer without its end mark.

    Three of the seven templates for requests with an input do not mark where it begins, so the two
    stay one text.
    """
    prompt = CLOSING.sub("", OPENING.sub("", row["prompt"]))
    return instruction_record(None, prompt, row["completion"].split(END)[0])


def without_input(row: Row, _record: Row) -> str | None:
    """Drops a request with a line "Input:"; inputs that the template does not mark stay."""
    return "has an input" if INPUT.search(row["prompt"]) else None


ENTRY = DatasetSpec(
    name="self_instruct",
    task="instruction",
    shapes=(RowFormat({"prompt": str, "completion": str}, record),),
    filters=filters.INSTRUCTION,
    input_filters=(without_input,),
)

"""ShareGPT: chats that users shared; the first exchange of each (under no clear licence)."""

import re

from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, RowFormat, instruction_record
from reset.data.records import filters

PIECE = re.compile(r"_(\d+)$")  # long chats are split: abc_0 opens the chat, abc_1 continues it


def record(row: Row) -> Row:
    """The first turn, if it is a human's, and the reply directly after it."""
    turns = row["conversations"]
    asks = bool(turns) and turns[0]["from"] == "human"
    replies = asks and len(turns) > 1 and turns[1]["from"] == "gpt"
    return instruction_record(
        row["id"],
        turns[0]["value"] if asks else "",
        turns[1]["value"] if asks and replies else None,
    )


def opens_the_chat(row: Row, _record: Row) -> str | None:
    piece = PIECE.search(row["id"])
    return "starts in the middle of a chat" if piece and piece.group(1) != "0" else None


def starts_with_exchange(row: Row, _record: Row) -> str | None:
    roles = [turn["from"] for turn in row["conversations"][:2]]
    return None if roles == ["human", "gpt"] else "no human turn followed by a reply at the start"


ENTRY = DatasetSpec(
    name="sharegpt",
    task="instruction",
    shapes=(RowFormat({"id": str, "conversations": [{"from": str, "value": str}]}, record),),
    filters=(opens_the_chat, starts_with_exchange, *filters.INSTRUCTION, filters.long_response),
)

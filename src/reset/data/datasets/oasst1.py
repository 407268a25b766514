"""OASST-1: replies of volunteers to the opening request of a conversation, rated by others
(Apache-2.0).
"""

from collections.abc import Iterator
from pathlib import Path

from reset.core import io
from reset.core.errors import InputError
from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, RowFormat, check, instruction_record
from reset.data.records import filters, parallel_jsonl

LABELS = {"name": [str], "value": [float], "count": [int]}
COLUMNS = {
    "message_id": str,
    "parent_id": (str, None),
    "text": str,
    "role": str,
    "lang": str,
    "deleted": bool,
    "synthetic": bool,
    "review_result": (bool, None),
    "labels": (LABELS, None),
}


def read(path: Path) -> Iterator[tuple[str, Row]]:
    """Messages with the text of the request they answer: `asked` (None if the parent opens no
    conversation).

    InputError if an opening request shares its id with another message, since a reply would then be
    paired with the wrong request. Takes a table of messages, as on the hub, or nested trees, as in
    the publishers' export. Two passes: only the opening requests are held in memory.
    """
    openings: dict[str, tuple[str, str]] = {}  # id -> its text, and where it was first
    for where, message in _messages(path):
        check(message, COLUMNS, where)
        if _opens(message):
            openings.setdefault(message["message_id"], (message["text"], where))
    for where, message in _messages(path):
        _require_one_meaning(message, openings.get(message["message_id"]), where)
        asked = openings.get(message["parent_id"])
        yield where, message | {"asked": asked[0] if asked else None}


def _opens(message: Row) -> bool:
    return message["parent_id"] is None and message["role"] == "prompter"


def _require_one_meaning(message: Row, opening: tuple[str, str] | None, where: str) -> None:
    """Raise InputError for a message that has the id of another opening request: replies name their
    request by this id alone.
    """
    if opening is not None and not (_opens(message) and message["text"] == opening[0]):
        raise InputError(
            f"{where}: message_id '{message['message_id']}' is also the id of the request at"
            f" {opening[1]}, which has another content; keep one of them"
        )


def _messages(path: Path) -> Iterator[tuple[str, Row]]:
    for where, row in parallel_jsonl.numbered(path):
        if "prompt" in row and "message_tree_id" in row:
            check(row, {"prompt": {}}, where)
            yield from _flatten(row["prompt"], where)
        else:
            io.require_columns(row, COLUMNS, f"{where}: data set 'oasst1'")
            yield where, row


def _flatten(opening: Row, where: str) -> Iterator[tuple[str, Row]]:
    """A nested message and its replies, each before those to itself, as rows of the hub's table."""
    open_: list[tuple[Row, str | None]] = [(opening, None)]
    while open_:
        message, parent = open_.pop()
        check(
            message,
            {"message_id": str, "text": str, "role": str, "lang": str, "replies": [{}]},
            where,
        )
        row = {
            "message_id": message["message_id"],
            "parent_id": parent,
            "text": message["text"],
            "role": message["role"],
            "lang": message["lang"],
            "deleted": message.get("deleted", False),
            "synthetic": message.get("synthetic", False),
            "review_result": message.get("review_result"),
            "labels": _labels(message, where),
            "tree_state": message.get("tree_state"),
        }
        yield where, row
        open_ += [(reply, message["message_id"]) for reply in reversed(message["replies"])]


def _labels(message: Row, where: str) -> Row | None:
    """The labels of a nested message as lists beside each other."""
    given = message.get("labels")
    if given is None:
        return None
    check(message, {"labels": {}}, where)
    check(given, dict.fromkeys(given, {"value": float, "count": int}), f"{where}: labels")
    values = [label["value"] for label in given.values()]
    counts = [label["count"] for label in given.values()]
    return {"name": list(given), "value": values, "count": counts}


def record(row: Row) -> Row:
    return instruction_record(row["message_id"], row["asked"] or "", row["text"])


def is_reply(row: Row, _record: Row) -> str | None:
    return None if row["role"] == "assistant" else "a request, not a reply"


def answers_the_opening(row: Row, _record: Row) -> str | None:
    """A prompt holds one request (our assumption), so deeper replies are left out."""
    return "a reply deeper in the conversation" if row["asked"] is None else None


def in_english(row: Row, _record: Row) -> str | None:
    return None if row["lang"] == "en" else "not in English"


def accepted(row: Row, _record: Row) -> str | None:
    if row.get("tree_state") not in (None, "ready_for_export"):
        return "of an unfinished conversation"
    if row["deleted"]:
        return "deleted"
    if row["synthetic"]:
        return "synthetic"
    return "rejected in review" if row["review_result"] is False else None


def rated_well(row: Row, _record: Row) -> str | None:
    """Quality above one half, by at least two people. `labels.value` is a mean over `labels.count`
    raters; the row's `review_count` counts other reviews and often differs.
    """
    labels = row["labels"]
    if labels is None or "quality" not in labels["name"]:
        return "quality not rated"
    index = labels["name"].index("quality")
    if labels["count"][index] < filters.MIN_RATERS:
        return f"quality rated by fewer than {filters.MIN_RATERS}"
    return (
        None
        if labels["value"][index] > filters.MIN_QUALITY
        else f"quality of {filters.MIN_QUALITY} or less"
    )


ENTRY = DatasetSpec(
    name="oasst1",
    task="instruction",
    shapes=(RowFormat(COLUMNS, record),),
    filters=(is_reply, answers_the_opening, in_english, accepted, *filters.INSTRUCTION, rated_well),
    read=read,
)

"""Where the rows of data/raw come from: counted while they are fetched, and named when a row turns out to be bad."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reset.errors import InputError
from reset.records import Row


@dataclass(frozen=True)
class Part:
    """Published rows from one place: a file, a split at a commit of the hub, or the demo world."""

    place: str
    rows: Iterable[Row]


def counted(parts: Iterable[Part], found: list[Row]) -> Iterator[Row]:
    """The rows of all parts; `found` gets {"from": place, "rows": count} for each. InputError if there is no row."""
    for part in parts:
        found.append({"from": part.place, "rows": 0})
        for row in part.rows:
            found[-1]["rows"] += 1
            yield row
    if not any(part["rows"] for part in found):
        raise InputError(f"{', '.join(part['from'] for part in found)}: no row")


@contextmanager
def named(raw: Path, fetched: Path) -> Iterator[None]:
    """Errors about lines of `raw` name the file and line that they come from, by what the fetch stage counted."""
    try:
        yield
    except InputError as error:
        parts = json.loads(fetched.read_text(encoding="utf-8"))["parts"] if fetched.is_file() else []
        message = re.sub(
            rf"{re.escape(str(raw))}:(\d+)", lambda found: place(parts, int(found[1])) or found[0], str(error)
        )
        raise InputError(message) from None


def place(parts: list[Row], number: int) -> str | None:
    """Where row `number` (from 1) of the fetched rows stands, or None if there are not so many."""
    from reset.sources import mirror

    for part in parts:
        if number <= part["rows"]:
            line = mirror.line(Path(part["from"]), number)
            return f"{part['from']}, row {number}" if line is None else f"{part['from']}:{line}"
        number -= part["rows"]
    return None

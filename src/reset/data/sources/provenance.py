"""Where the rows of data/raw come from: counted while they are fetched, and named when a row turns
out to be bad.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from reset.core.errors import InputError
from reset.core.io import Row
from reset.data.sources import files


@dataclass(frozen=True)
class Part:
    """Published rows from one place: a file, a split at a commit of the hub, or the demo world.

    `subset`: where rows have a column of this name, only those in which it begins so are of the
    data set (MRQA holds many sets). `split`: what rows get in the column of this name (None: they
    stay as they are).
    """

    place: str
    rows: Iterable[Row]
    subset: str | None = None
    split: str | None = None


def counted(parts: Iterable[Part], found: list[Row]) -> Iterator[Row]:
    """The data set's rows of all parts, with their split; `found` gets {"from": place, "rows":
    count}, and the subset that was taken, for each. InputError if there is no row.
    """
    for part in parts:
        found.append(
            {"from": part.place, "rows": 0} | ({"subset": part.subset} if part.subset else {})
        )
        for row in part.rows:
            if _belongs(row, part.subset):
                found[-1]["rows"] += 1
                yield row if part.split is None else row | {"split": part.split}
    if not any(part["rows"] for part in found):
        subsets = " or ".join(sorted({part["subset"] for part in found if "subset" in part}))
        wanted = f" of the subset '{subsets}'" if subsets else ""
        raise InputError(f"{', '.join(part['from'] for part in found)}: no row{wanted}")


def _belongs(row: Row, subset: str | None) -> bool:
    return subset is None or "subset" not in row or str(row["subset"]).startswith(subset)


@contextmanager
def named(raw: Path, fetched: Path) -> Iterator[None]:
    """Errors about lines of `raw` name the file and line that they come from, by what the fetch
    stage counted.
    """
    try:
        yield
    except InputError as error:
        parts = (
            json.loads(fetched.read_text(encoding="utf-8"))["parts"] if fetched.is_file() else []
        )
        message = re.sub(
            rf"{re.escape(str(raw))}:(\d+)",
            lambda found: place(parts, int(found[1])) or found[0],
            str(error),
        )
        raise InputError(message) from None


def place(parts: list[Row], number: int) -> str | None:
    """Where row `number` (from 1) of the fetched rows stands, or None if there are not so many."""
    for part in parts:
        if number <= part["rows"]:
            path = Path(part["from"])
            rows = files.numbered(path) if path.is_file() else ()
            taken = (where for where, row in rows if _belongs(row, part.get("subset")))
            return next(islice(taken, number - 1, None), f"{part['from']}, row {number}")
        number -= part["rows"]
    return None

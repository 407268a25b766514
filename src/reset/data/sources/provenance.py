"""Where the rows of data/raw come from: counted while they are fetched, and named in the errors
about bad rows.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from reset.core.errors import InputError
from reset.core.io import Row
from reset.data.sources import files


@dataclass(frozen=True)
class SourcePart:
    """Published rows from one place: a file, a split at a commit of the hub, or the demo world.

    `subset`: where rows have a column of this name, only those in which it begins so belong to the
    data set (MRQA holds many sets). `split`: what rows get in the column of this name (None: they
    stay as they are).
    """

    place: str
    rows: Iterable[Row]
    subset: str | None = None
    split: str | None = None


def count_rows(parts: Iterable[SourcePart], found: list[Row]) -> Iterator[Row]:
    """The data set's rows of all parts, with their split.

    `found` gets {"from": place, "rows": count} for each part. Where a subset is taken it also gets
    "subset" and, if there are rows of others, "other_subsets": {name: count}; a row whose subset is
    null or misspelt is counted there. InputError if no row belongs to the data set.
    """
    for part in parts:
        counts: Row = {"from": part.place, "rows": 0}
        if part.subset:
            counts["subset"] = part.subset
        found.append(counts)
        for row in part.rows:
            if not _belongs(row, part.subset):
                others = counts.setdefault("other_subsets", {})
                name = _subset_name(row)
                others[name] = others.get(name, 0) + 1
                continue
            counts["rows"] += 1
            yield row if part.split is None else row | {"split": part.split}
    if not any(counts["rows"] for counts in found):
        raise InputError(_nothing_found(found))


def _nothing_found(found: list[Row]) -> str:
    """What to say when no row of any part belongs to the data set."""
    places = ", ".join(counts["from"] for counts in found)
    subsets = sorted({counts["subset"] for counts in found if "subset" in counts})
    if not subsets:
        return f"{places}: no row"
    others = sorted({name for counts in found for name in counts.get("other_subsets", {})})
    known = f"; the rows are of {', '.join(others[:30])}" if others else ""
    return f"{places}: no row of the subset '{' or '.join(subsets)}'{known}"


def other_subsets(found: list[Row]) -> Counter[str]:
    """How many rows of each other subset `count_rows` has left out."""
    left_out: Counter[str] = Counter()
    for counts in found:
        left_out.update(counts.get("other_subsets", {}))
    return left_out


def _belongs(row: Row, subset: str | None) -> bool:
    return subset is None or "subset" not in row or str(row["subset"]).startswith(subset)


def _subset_name(row: Row) -> str:
    name = row["subset"]
    return name if isinstance(name, str) else json.dumps(name)[:80]


@contextmanager
def name_sources(raw: Path, fetched: Path) -> Iterator[None]:
    """Errors about lines of `raw` name the file and line that they come from, by what the fetch
    stage counted in `fetched`.
    """
    try:
        yield
    except InputError as error:
        parts = []
        if fetched.is_file():
            parts = json.loads(fetched.read_text(encoding="utf-8"))["parts"]
        message = re.sub(
            rf"{re.escape(str(raw))}:(\d+)",
            lambda found: source_of(parts, int(found[1])) or found[0],
            str(error),
        )
        raise InputError(message) from None


def source_of(parts: list[Row], number: int) -> str | None:
    """The place of row `number` (from 1) of the fetched rows, or None if there are not so many."""
    for part in parts:
        if number <= part["rows"]:
            path = Path(part["from"])
            # other rows have the number of their place, and other columns may be no JSON
            counted = "subset" in part or path.name.endswith(files.LINES)
            rows = files.numbered(path) if counted and path.is_file() else ()
            taken = (where for where, row in rows if _belongs(row, part.get("subset")))
            return next(islice(taken, number - 1, None), f"{part['from']}, row {number}")
        number -= part["rows"]
    return None

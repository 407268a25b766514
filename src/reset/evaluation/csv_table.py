"""CSV in and out with named columns: for the tables that `dvc plots` and a spreadsheet read."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.core.io import Row, atomic


def write(path: str | Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write `rows` under a header of `columns`, atomically.

    Floats keep six decimals, None becomes an empty cell, booleans `true` and `false`. A row without
    one of the columns raises KeyError; what a row holds beside them is left out.
    """
    with atomic(path) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(row[column]) for column in columns])


def read(path: str | Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV file as text; InputError where the file is missing or lacks one of
    `columns`.
    """
    try:
        with open(path, encoding="utf-8", newline="") as handle:
            reader = csv.DictReader(handle)
            names = list(reader.fieldnames or ())
            rows = list(reader)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 at byte {error.start + 1}; save the file as UTF-8"
        ) from None
    for column in columns:
        if column not in names:
            raise InputError(
                f"{path}:1: no column '{column}'; the file has {', '.join(names) or 'none'}"
            )
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise InputError(f"{path}:{number}: {len(names)} cells a line are expected")
    return rows


def number(text: str, where: str) -> float | None:
    """A cell as a number, None for an empty one; `where` (file:line column) opens the message of
    the InputError.
    """
    if text == "":
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{where}: '{text}' is no number") from None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(round(value, 6))
    return str(value)

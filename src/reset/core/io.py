"""Rows in and out: JSON Lines with strict ids, written whole or not at all."""

import codecs
import errno
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from reset.core.errors import InputError

Row = dict[str, Any]
# no room to write, or no right to
REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES)


class RepeatedKeyError(Exception):
    """Two fields of one JSON object have this name."""


def _object(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        raise RepeatedKeyError(next(key for key in row if keys.count(key) > 1))
    return row


# not orjson, which would be 1.4 times as fast: of integers beyond 64 bits it makes floats, of two
# equal keys it keeps the last, and it writes NaN as null, each without a word
DECODER = json.JSONDecoder(object_pairs_hook=_object)


def stream(path: str | Path) -> Iterator[Row]:
    """Yield the objects of a JSON Lines file, one a line; blank lines are skipped.

    Raises InputError with file and line for a missing file, invalid UTF-8, a NUL byte, invalid JSON
    (NaN and Infinity are none), an unpaired surrogate, nesting or numbers beyond what Python reads,
    a repeated key, or a line that is no object. A byte order mark is skipped.
    """
    try:
        handle = open(path, "rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    with handle:
        for number, line in enumerate(handle, 1):
            if line.strip():
                yield parse(line, f"{path}:{number}")


def parse(line: bytes, where: str) -> Row:
    """One line of JSON Lines as an object; `where` (file:line) opens the message of every
    InputError.
    """
    if b"\0" in line:
        raise InputError(
            f"{where}: NUL byte at column {line.index(0) + 1}; the file is damaged or not text"
        )
    try:
        row = DECODER.decode(line.removeprefix(codecs.BOM_UTF8).decode("utf-8"))
    except RepeatedKeyError as error:
        raise InputError(f"{where}: field '{error}' stands twice in one object") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where}: not UTF-8 at byte {error.start + 1}; save the file as UTF-8"
        ) from None
    except json.JSONDecodeError as error:
        message = (
            f"{where}: not JSON ({error.msg} at column {error.colno}); one object a line is"
            " expected"
        )
        raise InputError(message) from None
    except RecursionError:
        raise InputError(
            f"{where}: nested too deep; lists and objects are read some hundred levels deep"
        ) from None
    except ValueError:  # what is left: an integer of too many digits
        raise InputError(
            f"{where}: a number has more than {sys.get_int_max_str_digits()} digits"
        ) from None
    if not isinstance(row, dict):
        raise InputError(f"{where}: a JSON object is expected, not {type(row).__name__}")
    if b"\\ud" in line.lower() and not _encodable(row):
        raise InputError(
            f"{where}: an unpaired surrogate (\\ud800 to \\udfff), which UTF-8 cannot hold"
        )
    if b"NaN" in line or b"Infinity" in line:
        for name, value in row.items():
            if not _finite(value):
                raise InputError(
                    f"{where}: field '{name}' holds NaN or Infinity, which JSON does not have;"
                    " write null"
                )
    return row


def _encodable(row: Row) -> bool:
    try:
        json.dumps(row, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _finite(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def read(path: str | Path) -> list[Row]:
    """All rows of a JSON Lines file (see `stream`)."""
    return list(stream(path))


def require_columns(row: Row, columns: Iterable[str], where: str) -> None:
    """Raise InputError naming the first of `columns` that `row` lacks."""
    for column in columns:
        if column not in row:
            raise InputError(
                f"{where}: no column '{column}'; the row has {', '.join(sorted(row)) or 'none'}"
            )


def by_id(rows: Iterable[Row], where: str | Path) -> dict[str, Row]:
    """Index rows by their string `id`, in order; a missing or repeated id is an InputError."""
    index: dict[str, Row] = {}
    for row in rows:
        key = row.get("id")
        if not isinstance(key, str):
            raise InputError(f"{where}: a row has no string 'id': {json.dumps(row)[:120]}")
        if key in index:
            raise InputError(f"{where}: id '{key}' stands twice; ids must be unique")
        index[key] = row
    return index


@contextmanager
def atomic(path: str | Path) -> Iterator[IO[str]]:
    """A text file to write to, moved to `path` at the end; after any exception `path` is as it was.

    InputError if it cannot be written, as on a full disk.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with _explained(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(temporary, "w", encoding="utf-8", newline="\n") as handle:
                yield handle
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """A folder to write files to, which are moved into the folder `path` at the end, over those of
    the same names.

    After any exception the files of `path` are as they were. InputError as `atomic` raises it.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)  # of a process that was killed
    try:
        with _explained(target):
            temporary.mkdir(parents=True)
            yield temporary
            files = sorted(temporary.iterdir())
            for file in files:
                with open(file, "rb") as handle:
                    os.fsync(handle.fileno())
            target.mkdir(exist_ok=True)
            for file in files:
                os.replace(file, target / file.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Turn a refusal to write into an InputError; other errors of the system, as of a network, stay
    what they are.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        raise InputError(
            f"{target}: cannot be written ({error.strerror}); {_before(target)}"
        ) from None


def _before(target: Path) -> str:
    """Where the last result is: DVC removes a stage's outs before it runs the stage, but not what
    lies in .work/.
    """
    if os.environ.get("DVC_STAGE") and ".work" not in target.parts:
        return (
            f"DVC removed the last results first: dvc checkout {target} brings them back (git those"
            " of metrics/)"
        )
    return "what was there before is whole"


def write(path: str | Path, rows: Iterable[Row]) -> int:
    """Write rows as JSON Lines, atomically; returns how many. Key order is kept, so equal rows give
    equal bytes.
    """
    count = 0
    with atomic(path) as handle:
        for row in rows:
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def write_text(path: str | Path, text: str) -> None:
    """Write one text file, atomically."""
    with atomic(path) as handle:
        handle.write(text)


def write_json(path: str | Path, value: Any) -> None:
    """Write one indented JSON file, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def split_seed(name: str) -> tuple[str, int | None]:
    """("reset", 31) of "reset_31"; (name, None) where no seed ends the name, as of start models."""
    run, _, seed = name.rpartition("_")
    return (run, int(seed)) if run and seed.isdecimal() else (name, None)

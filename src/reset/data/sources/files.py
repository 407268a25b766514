"""The rows of one file of published rows, whatever its kind, without holding it in memory."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

from reset.core import io
from reset.core.errors import InputError
from reset.core.io import Row

LINES = (".jsonl", ".jsonl.gz")
KINDS = (*LINES, ".json", ".json.gz", ".parquet")


def rows(path: Path) -> Iterator[Row]:
    """The rows of one file: JSON Lines, a JSON document (both perhaps gzipped) or Parquet.
    InputError naming the file, and the line where it has lines, if it is damaged or holds what JSON
    cannot.
    """
    return (row for _, row in numbered(path))


def numbered(path: Path) -> Iterator[tuple[str, Row]]:
    """The rows of one file, each with its place: "file:line" in a file of lines, otherwise "file,
    row n" (from 1).
    """
    if path.name.endswith(LINES):
        for number, line in _lines(path):
            yield f"{path}:{number}", io.parse(line, f"{path}:{number}")
        return
    for number, row in enumerate(
        _table(path) if path.name.endswith(".parquet") else json_rows(path), 1
    ):
        yield f"{path}, row {number}", row


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers."""
    with _opened(path) as handle:
        for number, text in enumerate(handle, 1):
            if text.strip():
                yield number, text


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A file, unpacked if it is gzipped; InputError if it cannot be read or is damaged."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as handle:
            yield handle
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: not a whole gzip file ({error})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _table(path: Path) -> Iterator[Row]:
    from pyarrow import ArrowInvalid, parquet

    try:
        file = parquet.ParquetFile(path)
        require_json(file.schema_arrow, str(path))
        for batch in file.iter_batches(batch_size=1000):
            yield from batch.to_pylist()
    except (ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: not a whole Parquet file ({error})") from None


def require_json(schema: Any, where: str) -> None:
    """Raise InputError naming the first column of an Arrow schema that JSON has no values for, as
    of times or bytes.
    """
    for column in schema:
        if unfit := _no_json(column.type):
            raise InputError(
                f"{where}: column '{column.name}' holds {unfit}, for which JSON has no values; save"
                " it as text or leave it out"
            )


def _no_json(kind: Any) -> Any:
    """The type within an Arrow type that JSON has no value for, or None."""
    from pyarrow import types

    if types.is_struct(kind):
        return next(filter(None, (_no_json(column.type) for column in kind)), None)
    if (
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or types.is_dictionary(kind)
    ):
        return _no_json(kind.value_type)
    text = types.is_string(kind) or types.is_large_string(kind)
    number = types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind)
    return None if text or number or types.is_null(kind) else kind


def json_rows(path: Path) -> Iterator[Row]:
    """The rows of one JSON document as publishers ship it, read piece by piece (ijson).

    A list of objects (ShareGPT), {"questions": [...]} (BioASQ's golden files), one object for each
    column with the row numbers as keys (MS MARCO), or one object alone (SearchQA's clues). ijson
    reads half a surrogate pair as "?".
    """
    import ijson

    count = 0
    try:
        for entry in _entries(path):
            count += 1
            if not isinstance(entry, dict):
                raise InputError(f"{path}: entry {count} is no object")
            yield entry
    except ijson.JSONError as error:
        reason = (
            error.args[0]
            if isinstance(error.args[0], str)
            else error.args[0].decode(errors="replace")
        )
        raise InputError(
            f"{path}: not a whole JSON document in UTF-8, after {count} entries"
            f" ({reason.splitlines()[0].strip(' .')})"
        ) from None


def _entries(path: Path) -> Iterator[Any]:
    import ijson

    kinds = _kinds(path)
    if (
        kinds is not None
        and kinds.get("questions") != "start_array"
        and set(kinds.values()) == {"start_map"}
    ):
        yield from _transposed(path, list(kinds))
        return
    prefix = (
        "item"
        if kinds is None
        else "questions.item"
        if kinds.get("questions") == "start_array"
        else ""
    )
    with _document(path) as handle:
        yield from ijson.items(handle, prefix, use_float=True)


def _kinds(path: Path) -> dict[str, str] | None:
    """How the value of each column of an object begins (start_map, start_array, string …); None for
    a list.
    """
    import ijson

    kinds: dict[str, str] = {}
    name = None
    with _document(path) as handle:
        for prefix, event, value in ijson.parse(handle):
            if not prefix and event not in ("start_map", "map_key", "end_map"):
                if event == "start_array":
                    return None
                raise InputError(f"{path}: a list of objects or an object is expected")
            if name is not None:
                kinds.setdefault(name, event)
            name = value if not prefix and event == "map_key" else None
    return kinds


def _transposed(path: Path, columns: list[str]) -> Iterator[Row]:
    """Rows from columns {name: {row number: value}}. The columns stand one after the other in the
    file, so each has a reader of its own.
    """
    import ijson

    with ExitStack() as stack:
        readers = [
            ijson.kvitems(stack.enter_context(_document(path)), name, use_float=True)
            for name in columns
        ]
        for cells in zip_longest(*readers, fillvalue=(None, None)):
            row = next(key for key, _ in cells if key is not None)
            for name, (key, _) in zip(columns, cells, strict=True):
                if key != row:
                    raise InputError(
                        f"{path}: row '{row}' has no value in column '{name}', or at another place"
                    )
            yield {name: value for name, (_, value) in zip(columns, cells, strict=True)}


@contextmanager
def _document(path: Path) -> Iterator[Any]:
    """A JSON file to read from, behind its byte order mark if it has one."""
    with _opened(path) as handle:
        if handle.read(3) != b"\xef\xbb\xbf":
            handle.seek(0)
        yield handle

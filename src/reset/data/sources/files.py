"""The rows of one file of published rows, whatever its kind, without holding it in memory."""

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from itertools import zip_longest
from pathlib import Path
from typing import Any

from reset.core import io
from reset.core.errors import InputError
from reset.core.io import Row

LINES = (".jsonl", ".jsonl.gz")
KINDS = (*LINES, ".json", ".json.gz", ".parquet")  # of published rows
TABLES = {".csv": ",", ".tsv": "\t"}  # name's end -> what stands between two cells
OWN_KINDS = (*KINDS, *TABLES)
LONGEST_CELL = 64 << 20  # characters of a cell of CSV or TSV; Python's reader needs a bound
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def rows(path: Path, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """The rows of one file: JSON Lines, a JSON document (both perhaps gzipped), Parquet, or a table
    of text (CSV, TSV). Of a Parquet file `columns` (and `split`) alone are read, if they are given.

    InputError naming the file, and the line where it has lines, if it is damaged, lacks one of
    `columns`, or holds what JSON cannot.
    """
    return (row for _, row in numbered(path, columns))


def numbered(path: Path, columns: Sequence[str] | None = None) -> Iterator[tuple[str, Row]]:
    """The rows of one file, each with its place: "file:line" in a file of lines, otherwise "file,
    row n" (from 1).
    """
    if path.name.endswith(LINES):
        with _opened(path) as handle:
            for number, line in enumerate(handle, 1):
                if line.removeprefix(BYTE_ORDER_MARK).strip():
                    yield f"{path}:{number}", io.parse(line, f"{path}:{number}")
        return
    for number, row in enumerate(_entries_of(path, columns), 1):
        yield f"{path}, row {number}", row


def _entries_of(path: Path, columns: Sequence[str] | None) -> Iterator[Row]:
    if path.suffix == ".parquet":
        return _parquet_rows(path, columns)
    if path.suffix in TABLES:
        return _text_table_rows(path)
    return json_rows(path)


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


def _parquet_rows(path: Path, columns: Sequence[str] | None) -> Iterator[Row]:
    from pyarrow import ArrowInvalid, parquet

    try:
        file = parquet.ParquetFile(path)
        schema = file.schema_arrow
        names = schema.names if columns is None else select(columns, schema.names, str(path))
        require_json([schema.field(name) for name in names], str(path))
        for batch in file.iter_batches(batch_size=1000, columns=names):
            yield from batch.to_pylist()
    except (ArrowInvalid, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: not a whole Parquet file ({error})") from None


def _text_table_rows(path: Path) -> Iterator[Row]:
    """The rows of a CSV or TSV file with a header; every cell is text ("" where it is empty), for
    "007" is an id and no number. InputError for a quote that is not closed: it would take the rows
    behind it into its cell.
    """
    csv.field_size_limit(LONGEST_CELL)
    count = 0
    try:
        with _opened(path) as handle, TextIOWrapper(handle, "utf-8-sig", newline="") as text:
            table = filter(None, csv.reader(text, delimiter=TABLES[path.suffix], strict=True))
            names = next(table, None)
            if names is None:
                raise InputError(f"{path}: the file is empty; a header is expected")
            if len(names) == 1 and ";" in names[0]:
                raise InputError(
                    f"{path}: the header is one cell, '{names[0]}'; part cells by commas, or by"
                    " tabs in a .tsv"
                )
            if repeated := [name for name, times in Counter(names).items() if times > 1]:
                raise InputError(f"{path}: two columns are called '{repeated[0]}'; rename one")
            for count, cells in enumerate(table, 1):
                if len(cells) != len(names):
                    raise InputError(
                        f"{path}, row {count}: {len(cells)} cells, but the header has {len(names)}"
                    )
                yield dict(zip(names, cells, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read as a table in UTF-8, after {count} rows ({error})"
        ) from None


def select(columns: Sequence[str], known: Sequence[str], where: str) -> list[str]:
    """`columns`, each once, and `split` if it is known; InputError naming the first that is not."""
    for name in columns:
        if name not in known:
            raise InputError(f"{where}: no column '{name}'; it has {', '.join(known) or 'none'}")
    split = ["split"] if "split" in known else []
    return list(dict.fromkeys([*columns, *split]))


def require_json(schema: Iterable[Any], where: str) -> None:
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
    if hasattr(kind, "value_type"):  # lists of every kind, and dictionaries
        return _no_json(kind.value_type)
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
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
        lines = "; one object a line? then call it .jsonl" if "trailing garbage" in reason else ""
        raise InputError(
            f"{path}: not a whole JSON document in UTF-8, after {count} entries"
            f" ({reason.splitlines()[0].strip(' .')}){lines}"
        ) from None


def _entries(path: Path) -> Iterator[Any]:
    import ijson

    kinds = _kinds(path)
    if kinds and set(kinds.values()) == {"start_map"}:
        yield from _transposed(path, list(kinds))
        return
    prefix = "item" if kinds is None else ""
    if kinds and kinds.get("questions") == "start_array":
        prefix = "questions.item"
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
        if handle.read(3) != BYTE_ORDER_MARK:
            handle.seek(0)
        yield handle

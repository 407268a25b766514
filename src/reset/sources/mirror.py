"""A folder of published rows on this machine: one file or folder for each data set."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

from reset import records
from reset.errors import InputError
from reset.records import Row
from reset.sources.places import Part

LINES = (".jsonl", ".jsonl.gz")
KINDS = (*LINES, ".json", ".json.gz", ".parquet")
SPLITS = ("train", "dev", "val", "test")  # a publisher's file begins with one of these if it holds one split


def parts(folder: Path, dataset: str) -> list[Part]:
    """The rows of one data set: from <dataset>.jsonl (or .json, either gzipped, or .parquet), else from all such files
    below the folder <dataset>/, in order of their names.

    Where all files of a folder are named after a split (train…, dev…, validation…, test…), rows get the column `split`.
    InputError if the mirror holds nothing of the data set.
    """
    if not folder.is_dir():
        raise InputError(f"params.yaml: 'data.mirror' is '{folder}', which is no folder")
    for kind in KINDS:
        path = folder / f"{dataset}{kind}"
        if path.is_file():
            return [Part(str(path), file_rows(path))]
    files = sorted(path for path in (folder / dataset).rglob("*") if path.name.endswith(KINDS))
    if not files:
        known = ", ".join(sorted(path.name for path in folder.iterdir())[:30]) or "it is empty"
        raise InputError(
            f"{folder / dataset}.jsonl: data set '{dataset}' is not in the mirror ({known}); add the file or take the "
            "set out of data.datasets"
        )
    splits = [next((split for split in SPLITS if path.name.startswith(split)), None) for path in files]
    return [
        Part(str(path), _with(file_rows(path), {} if None in splits else {"split": split}))
        for path, split in zip(files, splits, strict=True)
    ]


def _with(rows: Iterator[Row], extra: Row) -> Iterator[Row]:
    return (row | extra for row in rows)


def file_rows(path: Path) -> Iterator[Row]:
    """The rows of one file, whatever its kind, without holding it in memory."""
    if path.name.endswith(LINES):
        return (records.parse(line, f"{path}:{number}") for number, line in _lines(path))
    return _table(path) if path.name.endswith(".parquet") else json_rows(path)


def line(path: Path, row: int) -> int | None:
    """The line of the `row`-th row (from 1) of a file of lines; None for another kind, or if it is not there."""
    if not path.name.endswith(LINES) or not path.is_file():
        return None
    return next((number for count, (number, _) in enumerate(_lines(path), 1) if count == row), None)


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
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=1000):
            yield from batch.to_pylist()
    except (ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: not a whole Parquet file ({error})") from None


def json_rows(path: Path) -> Iterator[Row]:
    """The rows of one JSON document as publishers ship it, read piece by piece (ijson).

    A list of objects (ShareGPT), {"questions": [...]} (BioASQ's golden files), one object for each column with the row
    numbers as keys (MS MARCO), or one object alone (SearchQA's clues). ijson reads half a surrogate pair as "?".
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
        reason = error.args[0] if isinstance(error.args[0], str) else error.args[0].decode(errors="replace")
        raise InputError(
            f"{path}: not a whole JSON document in UTF-8, after {count} entries ({reason.splitlines()[0].strip(' .')})"
        ) from None


def _entries(path: Path) -> Iterator[Any]:
    import ijson

    kinds = _kinds(path)
    if kinds is not None and kinds.get("questions") != "start_array" and set(kinds.values()) == {"start_map"}:
        yield from _transposed(path, list(kinds))
        return
    prefix = "item" if kinds is None else "questions.item" if kinds.get("questions") == "start_array" else ""
    with _document(path) as handle:
        yield from ijson.items(handle, prefix, use_float=True)


def _kinds(path: Path) -> dict[str, str] | None:
    """How the value of each column of an object begins (start_map, start_array, string …); None for a list."""
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
    """Rows from columns {name: {row number: value}}. The columns stand one after the other in the file, so each has a
    reader of its own."""
    import ijson

    with ExitStack() as stack:
        readers = [ijson.kvitems(stack.enter_context(_document(path)), name, use_float=True) for name in columns]
        for cells in zip_longest(*readers, fillvalue=(None, None)):
            row = next(key for key, _ in cells if key is not None)
            for name, (key, _) in zip(columns, cells, strict=True):
                if key != row:
                    raise InputError(f"{path}: row '{row}' has no value in column '{name}', or at another place")
            yield {name: value for name, (_, value) in zip(columns, cells, strict=True)}


@contextmanager
def _document(path: Path) -> Iterator[Any]:
    """A JSON file to read from, behind its byte order mark if it has one."""
    with _opened(path) as handle:
        if handle.read(3) != b"\xef\xbb\xbf":
            handle.seek(0)
        yield handle

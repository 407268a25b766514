"""A folder of published rows on this machine: one file or folder for each data set."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from reset import blocks, records
from reset.errors import InputError
from reset.records import Row

KINDS = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".parquet")
SPLITS = ("train", "dev", "val", "test")  # a publisher's file begins with one of these if it holds one split


def rows(folder: Path, dataset: str) -> Iterator[Row]:
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
            return file_rows(path)
    files = sorted(path for path in (folder / dataset).rglob("*") if path.name.endswith(KINDS))
    if not files:
        known = ", ".join(sorted(path.name for path in folder.iterdir())[:30]) or "it is empty"
        raise InputError(
            f"{folder / dataset}.jsonl: data set '{dataset}' is not in the mirror ({known}); add the file or take the "
            "set out of data.datasets"
        )
    return _all_rows(files)


def _all_rows(files: list[Path]) -> Iterator[Row]:
    splits = [next((split for split in SPLITS if path.name.startswith(split)), None) for path in files]
    for path, split in zip(files, splits, strict=True):
        extra = {} if None in splits else {"split": split}
        for row in file_rows(path):
            yield row | extra


def file_rows(path: Path) -> Iterator[Row]:
    """The rows of one file, whatever its kind."""
    if path.name.endswith(".jsonl"):
        return (row for _, row in blocks.numbered(path))
    if path.name.endswith(".jsonl.gz"):
        return _compressed_lines(path)
    return _table(path) if path.name.endswith(".parquet") else json_rows(path)


def _compressed_lines(path: Path) -> Iterator[Row]:
    with gzip.open(path) as handle:
        try:
            for number, line in enumerate(handle, 1):
                if line.strip():
                    yield records.parse(line, f"{path}:{number}")
        except (OSError, EOFError) as error:
            raise InputError(f"{path}: not a whole gzip file ({error})") from None


def _table(path: Path) -> Iterator[Row]:
    from pyarrow import ArrowInvalid, parquet

    try:
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=1000):
            yield from batch.to_pylist()
    except ArrowInvalid as error:
        raise InputError(f"{path}: not a Parquet file ({error})") from None


def json_rows(path: Path) -> Iterator[Row]:
    """The rows of one JSON document as publishers ship it.

    A list of objects (ShareGPT; read piece by piece), {"questions": [...]} (BioASQ's golden files), one object for each
    column with the row numbers as keys (MS MARCO), or one object alone (SearchQA's clues).
    """
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8") as handle:
        try:
            start = handle.read(1)
            while start and (start.isspace() or start == "\ufeff"):
                start = handle.read(1)
            if start == "[":
                yield from _entries(handle, path)
                return
            whole = json.loads(start + handle.read())
        except (json.JSONDecodeError, UnicodeDecodeError, OSError, EOFError) as error:
            raise InputError(f"{path}: not a whole JSON document in UTF-8 ({error})") from None
    if not isinstance(whole, dict):
        raise InputError(f"{path}: a list of objects or an object is expected")
    yield from whole["questions"] if isinstance(whole.get("questions"), list) else _transposed(whole, path)


def _entries(handle: IO[str], path: Path, size: int = 1 << 20) -> Iterator[Row]:
    """The objects of a JSON list whose bracket has been read, without holding the whole list."""
    decoder, text, number = json.JSONDecoder(), "", 0
    while True:
        more = handle.read(size)
        text, at = text + more, 0
        while (at := _skip(text, at)) < len(text) and text[at] != "]":
            try:
                entry, at = decoder.raw_decode(text, at)
            except json.JSONDecodeError:
                if more:
                    break  # the object goes on in the next piece
                raise
            number += 1
            if not isinstance(entry, dict):
                raise InputError(f"{path}: entry {number} of the list is no object")
            yield entry
        text = text[at:]
        if text.startswith("]"):
            return
        if not more:
            raise InputError(f"{path}: the list has no end after {number} entries; the file is cut off")


def _skip(text: str, at: int) -> int:
    """The place of the next entry, or of the end of the list."""
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


def _transposed(whole: dict[str, Any], path: Path) -> Iterator[Row]:
    """Rows from columns {name: {row number: value}}; anything else is one row."""
    columns = {name: value for name, value in whole.items() if isinstance(value, dict)}
    if len(columns) != len(whole) or not columns:
        yield whole
        return
    longest = max(columns.values(), key=len)
    for key in longest:
        missing = [name for name, column in columns.items() if key not in column]
        if missing:
            raise InputError(f"{path}: row '{key}' has no value in column '{missing[0]}'")
        yield {name: column[key] for name, column in columns.items()}

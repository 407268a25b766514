"""The rows of a training file as token ids: encoded once, and mapped into the memory of every
process that trains on them.
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import numpy as np
from tqdm import tqdm

from reset.core import hashing, io
from reset.tokens import chat_template, encoding
from reset.tokens.encoding import Example
from reset.training import digests

CODE = (__file__, encoding.__file__, chat_template.__file__)
CHUNK = 1000  # rows encoded at once: of a text, a tokenizer keeps a hundred times its ids
BOUNDS, EPOCH, IDS = "bounds.npy", "epoch.npy", "ids"  # `io.atomic_folder` moves the last one last


class EncodedRows(Sequence[Example]):
    """The rows of one epoch, in order: each distinct row as often as its `copies` say.

    A folder holds the ids of all distinct rows end to end, where each of these begins, where its
    prompt ends and where it ends [distinct rows, 3], and which of them each row of an epoch is.
    """

    def __init__(self, folder: Path):
        # as a plain array: a slice of a memmap takes ten times as long to make
        self.ids = np.asarray(np.memmap(folder / IDS, np.int32, "r"))
        self.bounds = np.load(folder / BOUNDS)
        self.epoch = np.load(folder / EPOCH)

    def __len__(self) -> int:
        return len(self.epoch)

    def __getitem__(self, index: Any) -> Any:
        begin, prompt, end = self.bounds[self.epoch[index]].tolist()
        return Example(self.ids[begin:end], prompt - begin)


def encode(path: Path, start: Path, tokenizer: Any, max_length: int, work: Path) -> EncodedRows:
    """The rows of the file `path` as the tokenizer of the model folder `start` encodes them.

    They are kept in the folder `work`, where another call with the same file, model and length
    finds them. Raises InputError as `encoding.encode` does.
    """
    code = [hashing.file_digest(file) for file in CODE]
    model, rows = digests.folder_digest(start), hashing.file_digest(path)
    key = hashing.digest(rows, model, max_length, code, version("tokenizers"))
    folder = work / f"rows-{key}"
    if not (folder / IDS).exists():
        _write(path, tokenizer, max_length, folder)
    return EncodedRows(folder)


def _write(path: Path, tokenizer: Any, max_length: int, folder: Path) -> None:
    rows = io.read(path)
    counts = encoding.copies(rows)
    with io.atomic_folder(folder) as made:
        with open(made / IDS, "wb") as out:
            bounds = _write_ids(rows, tokenizer, max_length, str(path), out)
        np.save(made / BOUNDS, bounds)
        np.save(made / EPOCH, np.repeat(np.arange(len(rows)), counts))


def _write_ids(
    rows: list[io.Row], tokenizer: Any, max_length: int, where: str, out: IO[bytes]
) -> list[tuple[int, int, int]]:
    """Append the ids of all rows to `out`, and return each row's bounds."""
    bounds = []
    end = 0
    with tqdm(total=len(rows), desc=f"encode {where}", unit="row", leave=False) as bar:
        for first in range(0, len(rows), CHUNK):
            chunk = rows[first : first + CHUNK]
            for example in encoding.encode(chunk, tokenizer, max_length, where):
                begin, end = end, end + len(example.input_ids)
                bounds.append((begin, begin + example.prompt_length, end))
                out.write(np.array(example.input_ids, np.int32).tobytes())
            bar.update(len(chunk))
    return bounds

"""A big JSON Lines file in blocks of whole lines, worked on by all cores, with results in the order
of the file.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from reset.core import io
from reset.core.errors import InputError
from reset.core.io import Row

T = TypeVar("T")
BLOCK = 4 << 20  # bytes; small enough that the few blocks in flight stay far below 1 GB
ALONE = 16 << 20  # below this size starting processes costs more than it saves
# processes; each takes some 27 MB beside its blocks, so memory has a bound on a machine of many
# cores too
MOST = 8

_work: Callable[["Block"], Any]  # set once in each process of the pool


@dataclass(frozen=True)
class Block:
    """Whole lines of a file: its bytes from `start` to `end`; `above` lines stand before them."""

    path: Path
    start: int
    end: int
    above: int

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Each row with its place, "file:line"; blank lines are skipped. InputError as
        `io.parse` raises it.
        """
        with open(self.path, "rb") as handle:
            handle.seek(self.start)
            lines = handle.read(self.end - self.start).split(b"\n")
        for number, line in enumerate(lines, self.above + 1):
            if line.strip():
                where = f"{self.path}:{number}"
                yield where, io.parse(line, where)


def split(path: str | Path, size: int = BLOCK) -> Iterator[Block]:
    """The blocks of a file, each of `size` bytes and the rest of its last line."""
    start = above = 0
    try:
        handle = open(path, "rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    with handle:
        while lines := handle.read(size):
            rest = handle.readline()
            end = start + len(lines) + len(rest)
            yield Block(Path(path), start, end, above)
            above += lines.count(b"\n") + rest.count(b"\n")
            start = end


def numbered(path: str | Path) -> Iterator[tuple[str, Row]]:
    """All rows of a file, each with its place, one block in memory at a time."""
    for block in split(path):
        yield from block.rows()


def over(path: str | Path, work: Callable[[Block], T], processes: int | None = None) -> Iterator[T]:
    """`work(block)` for each block, in order, on `processes` cores (None: for a big file all that
    this process may use, at most MOST; else one).

    `work` runs in forked processes, so it may hold what cannot be sent between processes. An
    exception in it comes out here, and so does the death of a process. At most two blocks a process
    are in flight.
    """
    # `split` says what is wrong with a missing file
    size = os.path.getsize(path) if os.path.isfile(path) else 0
    processes = processes or (min(len(os.sched_getaffinity(0)), MOST) if size > ALONE else 1)
    if processes == 1:
        yield from map(work, split(path))
        return
    with ProcessPoolExecutor(processes, get_context("fork"), _start, (work,)) as pool:
        try:
            waiting: deque = deque()
            for block in split(path):
                waiting.append(pool.submit(_run, block))
                if len(waiting) > 2 * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _start(work: Callable[[Block], Any]) -> None:
    global _work
    _work = work


def _run(block: Block) -> Any:
    return _work(block)

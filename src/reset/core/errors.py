"""The one exception that a user may cause, and how every stage starts and ends."""

import io
import os
import select
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reset.core.redaction import redact

TIMES = Path(".work/times.csv")  # stage, seconds: one line each time that DVC ran it to its end


class InputError(Exception):
    """Something the user gave is wrong: the message names the file, row, key or setting, and what
    would be right. API keys in it are redacted.
    """

    def __init__(self, message: str):
        super().__init__(redact(message))


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's `main`; print an InputError as one line on stderr and exit with 1, without a
    traceback.

    Under DVC, which names the stage in DVC_STAGE, its seconds are added to TIMES.
    """
    started = time.perf_counter()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal in Latin-1 cannot show every letter
            stream.reconfigure(errors="backslashreplace")
    try:
        with redacted_traceback():
            main()
            sys.stdout.flush()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    if stage := os.environ.get("DVC_STAGE"):
        TIMES.parent.mkdir(exist_ok=True)
        with TIMES.open("a", encoding="utf-8") as times:
            times.write(f"{stage},{time.perf_counter() - started:.2f}\n")


@contextmanager
def redacted_traceback() -> Iterator[None]:
    """End the process with 1 after an unexpected exception, its traceback printed without keys."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _reader_gone():
            sys.exit(1)
        sys.stderr.write(redact(traceback.format_exc()))
        sys.exit(1)


def _reader_gone() -> bool:
    """Whether the reader of stdout has ended, as in `make show | head`; what is unwritten is then
    dropped, so that Python does not complain of it at its end.
    """
    pipe = select.poll()
    pipe.register(sys.stdout.fileno(), 0)
    gone = any(event & select.POLLERR for _, event in pipe.poll(0))
    if gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return gone

"""The one exception that a user may cause, and how every stage starts and ends."""

import os
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
    try:
        with redacted_traceback():
            main()
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
    except Exception:
        sys.stderr.write(redact(traceback.format_exc()))
        sys.exit(1)

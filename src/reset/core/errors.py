"""The one exception that a user may cause, and how every stage starts and ends."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

TIMES = Path(".work/times.csv")  # stage, seconds: one line each time that DVC ran it to its end


class InputError(Exception):
    """Something the user gave is wrong: the message names the file, row, key or setting, and what
    would be right.
    """


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's `main`; print an InputError as one line on stderr and exit with 1, without a
    traceback.

    Under DVC, which names the stage in DVC_STAGE, its seconds are added to TIMES.
    """
    started = time.perf_counter()
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    if stage := os.environ.get("DVC_STAGE"):
        TIMES.parent.mkdir(exist_ok=True)
        with TIMES.open("a", encoding="utf-8") as times:
            times.write(f"{stage},{time.perf_counter() - started:.2f}\n")

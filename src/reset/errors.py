"""The one exception that a user may cause, and how a stage shows it."""

import sys
from collections.abc import Callable


class InputError(Exception):
    """Something the user gave is wrong: the message names the file, row, key or setting, and what would be right."""


def explain(main: Callable[[], None]) -> None:
    """Run a stage's `main`; print an InputError as one line on stderr and exit with 1, without a traceback."""
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)

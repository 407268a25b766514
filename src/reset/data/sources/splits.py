"""The names by which data sets call their splits."""

import json
from typing import Any

from reset.core.errors import InputError

TRAIN = "train"
NAMES = {
    "train": TRAIN,
    "validation": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}
# what the column `split` of a row may say: rows of "train" may train, all others evaluate
VALUES = (*NAMES, "eval")


def named_after(name: str) -> str | None:
    """The split that a file or folder is named after (train, validation, test): its name begins so;
    None if none.
    """
    return next((split for start, split in NAMES.items() if name.startswith(start)), None)


def check(value: Any, where: str, field: str) -> None:
    """Raise InputError, naming place and field, if `value` is no name of a split."""
    if value not in VALUES:
        raise InputError(
            f"{where}: field '{field}' is {json.dumps(value)[:80]}; one of {', '.join(VALUES)} is"
            " expected"
        )

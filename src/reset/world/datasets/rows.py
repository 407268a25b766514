"""What all published sets of the world share: the row type and the small tools that fill rows."""

import random
from hashlib import sha1
from typing import Any

Row = dict[str, Any]
UNUSABLE = 10
"""How many rows of each kind that a filter must drop a data set carries."""


def mixed(items: list, rng: random.Random) -> list:
    """The items in random order."""
    return rng.sample(items, len(items))


def fingerprint(*parts: object) -> str:
    """A stable 40-digit native id."""
    return sha1(":".join(map(str, parts)).encode()).hexdigest()

"""Texts as sentences, by nupunkt (a Punkt model that comes with the package: nothing is
downloaded).
"""

from __future__ import annotations

import re
from functools import lru_cache

_STOP = re.compile(r"[.!?][\"')\]]*\s+")
_LAST_WORD = re.compile(r"\S*$")
_TITLES = frozenset("dr jr mr mrs ms prof sr st vs".split())
_WORD = re.compile(r"[^\W_]")


@lru_cache(maxsize=200_000)
def split(text: str) -> tuple[str, ...]:
    """The sentences of a text, stripped, in order; () where the text holds no letter or digit.

    A line break ends a sentence (lists, highlights), and a piece without letter or digit ("...",
    "-") is none.
    """
    pieces = (piece for line in text.splitlines() for piece in _of_line(line))
    return tuple(piece for piece in pieces if _WORD.search(piece))


def _of_line(line: str) -> list[str]:
    if line == line.lower():
        return _of_lower_case(line)
    import nupunkt

    return [line[start:end].strip() for start, end in nupunkt.sent_spans(line)]


def _of_lower_case(line: str) -> list[str]:
    """A line without capitals: each stop ends a sentence, save after an initial, an abbreviation or
    a title.

    Punkt's cue is the capital that follows, so it would read "nivan eats fish. he sleeps." as one
    sentence.
    """
    pieces, start = [], 0
    for stop in _STOP.finditer(line):
        word = _LAST_WORD.search(line[start : stop.start()]).group()  # type: ignore[union-attr]
        abbreviated = stop.group()[0] == "." and (
            "." in word or word in _TITLES or (len(word) == 1 and word.isalpha())
        )
        if not abbreviated:
            pieces.append(line[start : stop.end()].strip())
            start = stop.end()
    return [*pieces, line[start:].strip()]

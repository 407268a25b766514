"""Texts as sentences, by nupunkt (a Punkt model that comes with the package: nothing is
downloaded). It reads English; other scripts are cut at their own full stops and at . ! ? alone.
"""

import re
from functools import lru_cache
from itertools import chain

# Chinese and Japanese, Hindi, Urdu, Arabic, Ethiopic, Burmese, Khmer: no abbreviation takes them
_FOREIGN_STOP = re.compile(
    "[\u3002\uff01\uff1f\uff61\u0964\u0965\u06d4\u061f\u1362\u104b\u17d4]+"
    "[\u300d\u300f\u201d\u2019\uff09)\\]\"']*"
)
_STOP = re.compile(r"[.!?][\"')\]]*\s+")
_ENTRY_NUMBER = re.compile(r"\s*\d{1,2}")
_LAST_WORD = re.compile(r"\S*$")
_TITLES = frozenset("dr jr mr mrs ms prof sr st vs".split())
_WORD = re.compile(r"[^\W_]")


@lru_cache(maxsize=10_000)  # whole documents among them
def split(text: str) -> tuple[str, ...]:
    """The sentences of a text, stripped, in order; () where the text holds no letter or digit.

    A line break ends a sentence (lists, highlights), and a piece without letter or digit ("...",
    "-") is none. The number of a list entry, as in "1. paris is big.", belongs to its sentence.
    """
    parts = chain.from_iterable(map(_at_foreign_stops, text.splitlines()))
    pieces = chain.from_iterable(map(_of_part, parts))
    return tuple(piece for piece in pieces if _WORD.search(piece))


def _at_foreign_stops(line: str) -> list[str]:
    parts, start = [], 0
    for stop in _FOREIGN_STOP.finditer(line):
        parts.append(line[start : stop.end()])
        start = stop.end()
    return [*parts, line[start:]]


def _of_part(part: str) -> list[str]:
    if part == part.lower():
        return _of_lower_case(part)
    import nupunkt

    return [part[start:end].strip() for start, end in nupunkt.sent_spans(part)]


def _of_lower_case(part: str) -> list[str]:
    """Text without capitals: each stop ends a sentence, save after an initial, an abbreviation, a
    title or the number of a list entry.

    Punkt's cue is the capital that follows, so it would read "nivan eats fish. he sleeps." as one
    sentence.
    """
    pieces, start = [], 0
    for stop in _STOP.finditer(part):
        before = part[start : stop.start()]
        if stop.group()[0] != "." or not (_ENTRY_NUMBER.fullmatch(before) or _abbreviated(before)):
            pieces.append(part[start : stop.end()].strip())
            start = stop.end()
    return [*pieces, part[start:].strip()]


def _abbreviated(before: str) -> bool:
    """Whether the text before a full stop ends in an initial, an abbreviation or a title."""
    word = _LAST_WORD.search(before).group()  # type: ignore[union-attr]
    return "." in word or word in _TITLES or (len(word) == 1 and word.isalpha())

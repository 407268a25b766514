"""Exact match, the task score of extractive answers."""

from collections.abc import Iterable

from reset.text.normalize import normalize_answer
from reset.text.words import comparable


def exact_match(answer: str, references: Iterable[str]) -> float:
    """1.0 if the normalised answer equals any normalised reference, else 0.0.

    A text of which nothing is left, such as the grade "A" (an article), is compared as it stands:
    an empty answer must not match it.
    """
    return float(any(_comparable(answer) == _comparable(reference) for reference in references))


def _comparable(text: str) -> str:
    return normalize_answer(text) or comparable(text).strip()

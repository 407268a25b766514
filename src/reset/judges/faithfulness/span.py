"""Span coverage, the faithfulness of extractive answers: does the context contain the answer?"""

from collections.abc import Iterable
from functools import lru_cache

from reset.text.normalize import mentioned_in, normalize_answer

_normalized = lru_cache(maxsize=100_000)(normalize_answer)
"""Many answers are looked for in the same passages."""


def span_coverage(answer: str, passages: Iterable[str]) -> float:
    """1.0 if the normalised answer is a run of whole words of a normalised passage, else 0.0.

    Two assumptions of ours (the paper says "a span of the context"): whole words alone count, and
    no span reaches from one passage into the next. An answer of which normalisation leaves nothing
    covers nothing. Any script is supported; where one puts no spaces, each character is a word.
    """
    return float(
        any(mentioned_in(_normalized(answer), _normalized(passage)) for passage in passages)
    )

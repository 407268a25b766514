"""How much of an answer's wording the context holds: n-gram coverage, K-Precision, K-Recall.

K-Precision and recall are those of McGill-NLP/instruct-qa (arXiv 2307.16877), as are the tokens: lower case, without
ASCII punctuation and articles. All are shares from 0 to 1, and none knows what a sentence says.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from reset.records import Row

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = frozenset(("a", "an", "the"))


@lru_cache(maxsize=100_000)
def tokens(text: str) -> tuple[str, ...]:
    """The words of a text as instruct-qa compares them."""
    words = text.lower().translate(_NO_PUNCTUATION).split()
    return tuple(word for word in words if word not in _ARTICLES)


def ngram_coverage(answer: str, passages: Iterable[str], n: int) -> float | None:
    """Share of the answer's n-grams (repeats count) that stand in some passage; None for under n words."""
    wanted = _ngrams(tokens(answer), n)
    if not wanted:
        return None
    there = {gram for passage in passages for gram in _ngrams(tokens(passage), n)}
    return sum(gram in there for gram in wanted) / len(wanted)


def k_precision(answer: str, passages: Iterable[str]) -> float:
    """Share of the answer's tokens found in the context, each as often as it stands there; 0 for an empty answer."""
    words = tokens(answer)
    return _overlap(words, _knowledge(passages)) / len(words) if words else 0.0


def k_recall(answer: str, passages: Iterable[str]) -> float | None:
    """Share of the context's tokens found in the answer; None without context."""
    return recall(answer, " ".join(passages))


def recall(answer: str, reference: str) -> float | None:
    """Share of the reference's tokens found in the answer; None for a reference without tokens."""
    words = tokens(reference)
    return _overlap(tokens(answer), Counter(words)) / len(words) if words else None


def columns(answer: str, passages: Sequence[str]) -> Row:
    """The four measures of one answer, as columns of a verdict, rounded to 6 decimals."""
    scores = {
        "unigram_coverage": ngram_coverage(answer, passages, 1),
        "bigram_coverage": ngram_coverage(answer, passages, 2),
        "k_precision": k_precision(answer, passages),
        "k_recall": k_recall(answer, passages),
    }
    return {name: None if score is None else round(score, 6) for name, score in scores.items()}


def _knowledge(passages: Iterable[str]) -> Counter[str]:
    return Counter(word for passage in passages for word in tokens(passage))


def _ngrams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def _overlap(words: Iterable[str], there: Counter[str]) -> int:
    return (Counter(words) & there).total()

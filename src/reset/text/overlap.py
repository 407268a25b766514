"""How much of an answer's wording the context holds, and how much of a reference's wording the
answer.

K-Precision, K-Recall and recall are those of McGill-NLP/instruct-qa (arXiv 2307.16877), and so are
the tokens of ASCII text: lower case, without punctuation and articles. Other text is compared as
`reset.text.words` writes it, without any punctuation, and a script without spaces by character; so
all scripts are supported. All measures are shares from 0 to 1, and none knows what a sentence says.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain

from reset.core.io import Row
from reset.text.normalize import plain_words
from reset.text.words import comparable


@lru_cache(maxsize=1_000)  # whole documents among them, of 60 bytes a word
def tokens(text: str) -> tuple[str, ...]:
    """The words of a text as instruct-qa compares them."""
    return tuple(plain_words(comparable(text)))


def ngram_coverage(answer: str, passages: Sequence[str], n: int) -> float | None:
    """Share of the answer's n-grams (repeats count) that occur in some passage; None for under n
    words.
    """
    wanted = _ngrams(tokens(answer), n)
    if not wanted:
        return None
    there = _known_ngrams(tuple(passages), n)
    return sum(gram in there for gram in wanted) / len(wanted)


def k_precision(answer: str, passages: Sequence[str]) -> float:
    """Share of the answer's tokens found in the context, each as often as it occurs there; 0 for an
    empty answer.
    """
    return precision(answer, _known_words(tuple(passages)))


def precision(answer: str, known: Counter[str]) -> float:
    """`k_precision`, the context given by its `word_counts`."""
    words = tokens(answer)
    return _overlap(words, known) / len(words) if words else 0.0


def k_recall(answer: str, passages: Sequence[str]) -> float | None:
    """Share of the context's tokens found in the answer; None without context."""
    known = _known_words(tuple(passages))
    return _overlap(tokens(answer), known) / known.total() if known else None


def recall(answer: str, references: Iterable[str]) -> float:
    """Share of the reference's tokens found in the answer, for the best reference; 0 without a
    token in any.
    """
    own, best = tokens(answer), 0.0
    for reference in references:
        wanted = Counter(tokens(reference))
        if wanted:
            best = max(best, _overlap(own, wanted) / wanted.total())
    return best


def columns(answer: str, passages: Sequence[str]) -> Row:
    """The four measures of one answer, as columns of a verdict, rounded to 6 decimals."""
    scores = {
        "unigram_coverage": ngram_coverage(answer, passages, 1),
        "bigram_coverage": ngram_coverage(answer, passages, 2),
        "k_precision": k_precision(answer, passages),
        "k_recall": k_recall(answer, passages),
    }
    return {name: None if score is None else round(score, 6) for name, score in scores.items()}


def word_counts(passages: Iterable[str]) -> Counter[str]:
    """The tokens of all passages, counted."""
    return Counter(chain.from_iterable(map(tokens, passages)))


_known_words = lru_cache(maxsize=10_000)(word_counts)


@lru_cache(maxsize=10_000)
def _known_ngrams(passages: tuple[str, ...], n: int) -> frozenset[tuple[str, ...]]:
    return frozenset(chain.from_iterable(_ngrams(tokens(passage), n) for passage in passages))


def _ngrams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def _overlap(words: Iterable[str], known: Counter[str]) -> int:
    return (Counter(words) & known).total()

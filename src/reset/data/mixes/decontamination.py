"""Which training rows repeat one another, and which repeat an evaluation row."""

import hashlib
from collections.abc import Iterable
from typing import Any

from reset.core.io import Row
from reset.text.normalize import normalize_answer


def fingerprint(*texts: str) -> int:
    """64 bits that are equal for texts equal but for case and spaces. Nothing else is normalised:
    "in C", "in C++" and "in C#" are three requests.
    """
    return _hash("\0".join(" ".join(text.casefold().split()) for text in texts))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


class Ngrams:
    """The n-grams of words of a row, as 64-bit numbers: equal runs of n normalised words give equal
    numbers.
    """

    FACTOR = 0x9E3779B97F4A7C15  # odd, so that multiplying by it loses nothing (golden ratio)

    def __init__(self, n: int) -> None:
        self.n = n
        self.words: dict[str, int] = {}

    def of(self, row: Row) -> Any:
        """All n-grams of one row, an array of uint64 (not sorted, perhaps empty).

        Texts are taken one by one: the row's own instruction, question, references, and its
        document or passages. The task's instruction is shared by all rows and left out, and so are
        passages of rows marked `shared_passages`: they have them in common by design. Of rows
        marked `by_passage` the passages alone are taken: one question may be asked of many
        documents, and have one answer. A question or instruction of fewer than n words counts as a
        whole, and so does a passage where it is all that counts.
        """
        import numpy

        if row.get("by_passage"):
            return numpy.concatenate([self._run(text, whole=True) for text in row["context"]])
        own = row["instruction"] if row["task"] == "instruction" else ""
        context = [] if row.get("shared_passages") else row["context"]
        parts = [self._run(text, whole=True) for text in (own, row["question"])]
        parts += [self._run(text) for text in (*row["references"], *context)]
        return numpy.concatenate(parts)

    def _run(self, text: str, whole: bool = False) -> Any:
        import numpy

        words = normalize_answer(text).split()
        n = len(words) if whole and 0 < len(words) < self.n else self.n
        numbers = numpy.fromiter(map(self._word, words), dtype=numpy.uint64, count=len(words))
        count = max(len(words) - n + 1, 0)
        total = numpy.full(count, n, dtype=numpy.uint64)
        for offset in range(n if count else 0):
            total *= numpy.uint64(self.FACTOR)
            total += numbers[offset : offset + count]
            total ^= total >> numpy.uint64(29)
        return total

    def _word(self, word: str) -> int:
        if word not in self.words:
            # bounds the memory; the numbers are the same when made again
            if len(self.words) > 2_000_000:
                self.words.clear()
            self.words[word] = _hash(word)
        return self.words[word]


class EvaluationText:
    """All n-grams of the evaluation rows; says which training rows share one."""

    def __init__(self, rows: Iterable[Row], ngrams: Ngrams) -> None:
        import numpy

        self.ngrams = ngrams
        found = [ngrams.of(row) for row in rows]
        self.known = (
            numpy.unique(numpy.concatenate(found)) if found else numpy.empty(0, dtype=numpy.uint64)
        )

    def shares(self, row: Row) -> bool:
        import numpy

        own = self.ngrams.of(row)
        if not len(own) or not len(self.known):
            return False
        places = numpy.minimum(numpy.searchsorted(self.known, own), len(self.known) - 1)
        return bool((self.known[places] == own).any())

"""Five passages by BM25: for QA sets that come with one gold passage, or with an unordered pile, a
question.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from reset.core.errors import InputError
from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, check, row_format
from reset.data.records import parallel_jsonl
from reset.text.words import comparable, is_unspaced, words


def contexts(
    mode: str, entry: DatasetSpec, raw: Path, count: int
) -> Callable[[Sequence[str]], list[list[str]]] | None:
    """What builds the contexts of a data set: None where the published ones stay (data.retrieval:
    published, or a set whose passages a search engine has ranked already).
    """
    if mode == "published" or entry.passages != "gathered":
        return None
    return Retriever(passages(entry, parallel_jsonl.numbered(raw)), count, entry.name)


def passages(entry: DatasetSpec, rows: Iterable[tuple[str, Row]]) -> list[str]:
    """All distinct passages of a data set, in the order of its file."""
    found: dict[str, None] = {}
    for where, row in rows:
        shape = row_format(entry, row, where)
        check(row, shape.columns, where)
        found |= dict.fromkeys(shape.record(row)["context"])
    return list(found)


class Retriever:
    """BM25 (bm25s, Lucene's variant) over a list of passages, which it holds in memory with its
    index. Words are those of `search_words`, so any script can be searched.
    """

    def __init__(self, texts: list[str], count: int, dataset: str) -> None:
        """InputError naming the data set if there is no passage, or none that holds a word: nothing
        could be found. A passage without words among others is no error; it is never found.
        """
        import bm25s
        from bm25s.tokenization import Tokenized

        vocabulary: dict[str, int] = {}
        ids = [_numbers(search_words(text), vocabulary) for text in texts]
        if not vocabulary:
            raise InputError(
                f"data set '{dataset}': data.retrieval: bm25 needs passages with words (of two"
                f" letters or more, no stop words), and none of its {len(texts)} passages holds"
                " one; set data.retrieval: published"
            )
        self.texts, self.count = texts, count
        self.index = bm25s.BM25()
        self.index.index(Tokenized(ids, vocabulary), show_progress=False)

    def __call__(self, questions: Sequence[str]) -> list[list[str]]:
        """At most `count` passages for each question, best first; those that share no word with it
        are left out.
        """
        if not questions:
            return []
        best, scores = self.index.retrieve(
            [search_words(question) for question in questions],
            k=min(self.count, len(self.texts)),
            show_progress=False,
        )
        rows = zip(best.tolist(), scores.tolist(), strict=True)
        return [self._found(row, points) for row, points in rows]

    def _found(self, best: list[int], scores: list[float]) -> list[str]:
        return [self.texts[i] for i, score in zip(best, scores, strict=True) if score > 0]


def search_words(text: str) -> list[str]:
    """The words to search by: of two letters or more (one where a script is cut by character),
    without English stop words.
    """
    return [word for word in words(comparable(text)) if _tells(word)]


@lru_cache(maxsize=1_000_000)
def _tells(word: str) -> bool:
    from bm25s.stopwords import STOPWORDS_EN

    return word not in STOPWORDS_EN and (len(word) > 1 or is_unspaced(word))


def _numbers(found: list[str], vocabulary: dict[str, int]) -> list[int]:
    """The words as numbers; a new one gets the next number."""
    return [vocabulary.setdefault(word, len(vocabulary)) for word in found]

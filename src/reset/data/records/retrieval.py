"""Five passages by BM25: for QA sets that come with one gold passage, or with an unordered pile, a
question.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from reset.core.errors import InputError
from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, check, row_format
from reset.data.records import parallel_jsonl


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
    index.
    """

    def __init__(self, texts: list[str], count: int, dataset: str) -> None:
        """InputError naming the data set if there is no passage, or none that holds a word: nothing
        could be found. A passage without words among others is no error; it is never found.
        """
        import bm25s

        words = bm25s.tokenize(texts, stopwords="en", show_progress=False)
        if not any(words.ids):
            raise InputError(
                f"data set '{dataset}': data.retrieval: bm25 needs passages with words (of two"
                f" letters or more, no stop words), and none of its {len(texts)} passages holds"
                " one; set data.retrieval: published"
            )
        self.texts, self.count = texts, count
        self.index = bm25s.BM25()
        self.index.index(words, show_progress=False)

    def __call__(self, questions: Sequence[str]) -> list[list[str]]:
        """At most `count` passages for each question, best first; those that share no word with it
        are left out.
        """
        import bm25s

        if not questions:
            return []
        tokens = bm25s.tokenize(
            list(questions), stopwords="en", return_ids=False, show_progress=False
        )
        best, scores = self.index.retrieve(
            tokens, k=min(self.count, len(self.texts)), show_progress=False
        )
        return [
            [self.texts[i] for i, score in zip(row, points, strict=True) if score > 0]
            for row, points in zip(best.tolist(), scores.tolist(), strict=True)
        ]

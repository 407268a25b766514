"""ROUGE, the task score of abstractive answers and summaries, by the package rouge-score (Google's implementation)."""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import Any


@lru_cache(maxsize=100_000)
def rouge(answer: str, references: tuple[str, ...], kind: str = "rougeL", stemmed: bool = True) -> float | None:
    """F-measure against the best reference, from 0 to 1; None without a reference.

    `kind` is a type of rouge-score (`rougeL`, `rougeLsum`, `rouge1`, `rouge2`); `stemmed` applies Porter's stemmer to
    words of more than three letters. Repeated texts are scored once.
    """
    if not references:
        return None
    return float(_scorer(kind, stemmed).score_multi(references, answer)[kind].fmeasure)


@lru_cache
def _scorer(kind: str, stemmed: bool) -> Any:
    """Loads rouge-score (with nltk, a third of a second): a run without such rows never comes here."""
    from nltk.stem import porter
    from rouge_score import rouge_scorer, tokenize

    stem = lru_cache(maxsize=100_000)(porter.PorterStemmer().stem)
    stemmer = SimpleNamespace(stem=stem) if stemmed else None
    tokens = lru_cache(maxsize=100_000)(lambda text: tokenize.tokenize(text, stemmer))
    return rouge_scorer.RougeScorer([kind], tokenizer=SimpleNamespace(tokenize=tokens))

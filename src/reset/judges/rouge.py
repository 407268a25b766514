"""ROUGE-L, the task score of abstractive answers and summaries, by the package rouge-score
(Google's own).
"""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import Any


@lru_cache(maxsize=100_000)
def rouge_l(answer: str, references: tuple[str, ...]) -> float:
    """F-measure of the longest common subsequence, words stemmed, with the best reference: from 0
    to 1.

    Without a reference 0. Repeated texts are scored once.
    """
    if not references:
        return 0.0
    return float(_scorer().score_multi(references, answer)["rougeL"].fmeasure)


@lru_cache
def _scorer() -> Any:
    """Loads rouge-score (with nltk, a third of a second): a run without such rows never comes here."""
    from nltk.stem import porter
    from rouge_score import rouge_scorer, tokenize

    stemmer = SimpleNamespace(stem=lru_cache(maxsize=100_000)(porter.PorterStemmer().stem))
    tokens = lru_cache(maxsize=100_000)(lambda text: tokenize.tokenize(text, stemmer))
    return rouge_scorer.RougeScorer(["rougeL"], tokenizer=SimpleNamespace(tokenize=tokens))

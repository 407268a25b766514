"""ROUGE-L, the task score of abstractive answers and summaries, by the package rouge-score
(Google's own).
"""

from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from reset.text.words import comparable, words


@lru_cache(maxsize=100_000)
def rouge_l(answer: str, references: tuple[str, ...]) -> float:
    """F-measure of the longest common subsequence, words stemmed, with the best reference: from 0
    to 1.

    Of ASCII text the words are rouge-score's own; other text is cut by `reset.text.words`, so any
    script counts, by word or by character. Stemming is English (Porter). Without a reference 0, and
    so for an answer without letter or digit. Repeated texts are scored once.
    """
    if not references:
        return 0.0
    return float(_scorer().score_multi(references, answer)["rougeL"].fmeasure)


@lru_cache
def _scorer() -> Any:
    """Loads rouge-score (with nltk, a third of a second), which a run without such rows skips."""
    from nltk.stem import porter
    from rouge_score import rouge_scorer

    stem = lru_cache(maxsize=100_000)(porter.PorterStemmer().stem)

    @lru_cache(maxsize=100_000)
    def tokenize(text: str) -> list[str]:
        # rouge-score stems words of more than three letters
        return [stem(word) if len(word) > 3 else word for word in words(comparable(text))]

    return rouge_scorer.RougeScorer(["rougeL"], tokenizer=SimpleNamespace(tokenize=tokenize))

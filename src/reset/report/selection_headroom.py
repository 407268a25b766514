"""How much room the candidates leave for selection.

A prompt has a choice when two of its scored candidates differ in total score: only there can
selection by score matter. Its candidates tie at the top when more than one of them has the highest
score: there `ranking.ties` decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reset.core.io import Row
from reset.core.tasks import FAMILIES, family


@dataclass
class Scores:
    """The candidates of one pool and family: counts of seeds, of prompts, of those with a choice,
    with a tie at the top and with a selected target, of candidates without a score, and all totals.
    """

    seeds: int = 0
    prompts: int = 0
    with_choice: int = 0
    tied: int = 0
    selected: int = 0
    missing: int = 0
    candidates: list[float] = field(default_factory=list)
    winners: list[float] = field(default_factory=list)


def empty() -> dict[str, Scores]:
    """No scores yet, for each family."""
    return {name: Scores() for name in FAMILIES}


def collect(rows: Iterable[Row], scores: dict[str, Scores]) -> None:
    """Add one seed's rows of data/candidates to `scores`; a candidate without a score counts as
    missing and no more. A prompt without a scored candidate has no target, so none is selected.
    """
    for family_scores in scores.values():
        family_scores.seeds += 1
    for row in rows:
        totals = _totals(row["candidates"])
        family_scores = scores[family(row["task"])]
        family_scores.prompts += 1
        family_scores.with_choice += len(set(totals)) > 1
        family_scores.tied += totals.count(max(totals, default=0.0)) > 1
        family_scores.selected += bool(totals)
        family_scores.missing += len(row["candidates"]) - len(totals)
        family_scores.candidates += totals
        family_scores.winners += _totals(c for c in row["candidates"] if c["winner"])


def _totals(candidates: Iterable[Row]) -> list[float]:
    """The total scores of candidates, without the missing ones."""
    return [found["score"] for found in candidates if found["score"] is not None]


def histogram(values: Sequence[float], edges: Sequence[float]) -> list[float]:
    """The share of `values` in each bin between `edges` (evenly spaced); the outer bins also take
    what lies outside.
    """
    counts = [0] * (len(edges) - 1)
    width = edges[1] - edges[0]
    for value in values:
        counts[min(max(int((value - edges[0]) / width + 1e-9), 0), len(counts) - 1)] += 1
    return [count / len(values) if values else 0.0 for count in counts]

"""How much room the candidates leave for selection: decidable prompts, and how the scores lie."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reset.core.io import Row
from reset.core.tasks import FAMILIES, family


@dataclass
class Scores:
    """The candidates of one pool and family: prompts, those that selection can change, and all
    totals.
    """

    prompts: int = 0
    decidable: int = 0
    missing: int = 0
    candidates: list[float] = field(default_factory=list)
    winners: list[float] = field(default_factory=list)


def empty() -> dict[str, Scores]:
    """No scores yet, for each family."""
    return {name: Scores() for name in FAMILIES}


def collect(rows: Iterable[Row], scores: dict[str, Scores]) -> None:
    """Add rows of data/candidates to `scores`; a candidate without a score counts as missing and no
    more.

    A prompt is decidable when two of its scored candidates differ in score: only there can
    selection matter at all.
    """
    for row in rows:
        of_family = scores[family(row["task"])]
        told = [
            candidate["score"] for candidate in row["candidates"] if candidate["score"] is not None
        ]
        of_family.prompts += 1
        of_family.decidable += is_decidable(row)
        of_family.missing += len(row["candidates"]) - len(told)
        of_family.candidates += told
        of_family.winners += [
            c["score"] for c in row["candidates"] if c["winner"] and c["score"] is not None
        ]


def is_decidable(row: Row) -> bool:
    """Whether two scored candidates of a row of data/candidates differ in score."""
    return len({candidate["score"] for candidate in row["candidates"]} - {None}) > 1


def histogram(values: Sequence[float], edges: Sequence[float]) -> list[float]:
    """The share of `values` in each bin between `edges` (evenly spaced); the outer bins also take
    what lies outside.
    """
    counts = [0] * (len(edges) - 1)
    width = edges[1] - edges[0]
    for value in values:
        counts[min(max(int((value - edges[0]) / width + 1e-9), 0), len(counts) - 1)] += 1
    return [count / len(values) if values else 0.0 for count in counts]

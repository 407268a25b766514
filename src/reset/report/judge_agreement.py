"""How the judges behave on a study's answers: how their scores lie, which of them go together, how
repeats agree.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import StatisticsError, correlation, fmean

from reset.core.io import Row
from reset.core.tasks import JUDGES

COLUMNS = (*[f"s_{judge}" for judge in JUDGES], "k_precision", "tokens")
BANDS = ("0 or less", "to ¼", "to ½", "to ¾", "below 1", "1")
BORDERS = (0.25, 0.5, 0.75)
Column = list[float | None]


@dataclass
class Answers:
    """What was measured on all answers to one data set: a column of numbers (None for none) by each
    name of COLUMNS, the measures behind each judge's scores, and the ratings of every answer that
    an instruction judge rated.
    """

    columns: dict[str, Column] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    measures: dict[str, set[str]] = field(default_factory=dict)
    ratings: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True)
class Repeats:
    """Answers rated more than once; over pairs of ratings of one answer, the share that is equal
    and the mean absolute difference in points of 1 to 10; and the share of equal ratings of any two
    of these answers, drawn at random.
    """

    answers: int
    equal: float
    difference: float
    by_chance: float


def collect(row: Row, answers: dict[str, Answers]) -> None:
    """Add one row of data/answers to its data set."""
    dataset_answers = answers.setdefault(row["dataset"], Answers())
    for name, column in dataset_answers.columns.items():
        column.append(row[name])
    for judge, measure in row["judges"].items():
        dataset_answers.measures.setdefault(judge, set()).add(measure)
    if row["ratings"] is not None:
        present = [rating for rating in row["ratings"] if rating is not None]
        dataset_answers.ratings.append(present)


def bands(scores: Sequence[float]) -> list[float]:
    """The share of `scores` in each of BANDS; the inner ones hold what lies above 0, up to their
    border, and below 1.

    At least one score is needed.
    """
    counts = [0] * len(BANDS)
    for score in scores:
        if score <= 0:
            counts[0] += 1
        elif score >= 1:
            counts[-1] += 1
        else:
            counts[1 + bisect_left(BORDERS, score)] += 1
    return [count / len(scores) for count in counts]


def rank_correlation(first: Column, second: Column) -> float | None:
    """Spearman's coefficient over the places where both columns have a number, ties sharing their
    mean rank.

    None for fewer than three places, or where one column is constant.
    """
    both = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if len(both) < 3:
        return None
    try:
        return correlation(*(ranks(column) for column in zip(*both, strict=True)))
    except StatisticsError:  # a constant column
        return None


def ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value from 1, equal values sharing the mean of theirs."""
    rank, start = {}, 0
    for value, count in sorted(Counter(values).items()):
        rank[value] = start + (count + 1) / 2
        start += count
    return [rank[value] for value in values]


def repeats(ratings: Iterable[Sequence[int]]) -> Repeats | None:
    """How far the ratings of one answer agree, every answer weighing the same; None where none has
    two.
    """
    equal, difference = [], []  # means over the pairs of each answer
    counts: Counter[int] = Counter()
    for answer_ratings in ratings:
        if len(answer_ratings) < 2:
            continue
        pairs = list(combinations(answer_ratings, 2))
        equal.append(fmean(a == b for a, b in pairs))
        difference.append(fmean(abs(a - b) for a, b in pairs))
        counts.update(answer_ratings)
    if not equal:
        return None
    return Repeats(
        answers=len(equal),
        equal=fmean(equal),
        difference=fmean(difference),
        by_chance=sum((count / counts.total()) ** 2 for count in counts.values()),
    )


def measures(answers: Mapping[str, Answers], judge: str) -> list[str]:
    """All measures that gave a judge's scores, by the alphabet."""
    found = (dataset_answers.measures.get(judge, set()) for dataset_answers in answers.values())
    return sorted(set[str]().union(*found))

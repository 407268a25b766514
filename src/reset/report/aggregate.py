"""From values by data set to the numbers of the result table: macro-averages, seeds, and
differences between runs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

from reset.core.io import Row

GROUPS = ("seen", "unseen", "overall")
BySeed = dict[int, float]
Key = tuple[str, str, str]  # run, metric, group


@dataclass(frozen=True)
class Spread:
    """Mean over seeds, the sample standard deviation (None for one seed), and the seeds' own
    values.
    """

    mean: float
    sd: float | None
    by_seed: BySeed


def macro(results: Iterable[Row]) -> dict[Key, BySeed]:
    """Mean over data sets, each weighing the same, for every run, metric, group and seed.

    `results` are rows of `metrics.read`. A group without data sets is absent, and so is one where a
    data set of the group has no value: an average over fewer sets would not compare with the
    others.
    """
    values: dict[tuple[str, str, str, int], list[float | None]] = {}
    for row in results:
        for group in ("seen" if row["seen"] else "unseen", "overall"):
            values.setdefault((row["run"], row["metric"], group, row["seed"]), []).append(
                row["value"]
            )
    averages: dict[Key, BySeed] = {}
    for (run, metric, group, seed), of_sets in values.items():
        told = [value for value in of_sets if value is not None]
        if len(told) == len(of_sets):
            averages.setdefault((run, metric, group), {})[seed] = fmean(told)
    return averages


def spread(by_seed: BySeed) -> Spread | None:
    """Mean, spread and values over seeds, in the order of the seeds; None where there is no value."""
    if not by_seed:
        return None
    values = [by_seed[seed] for seed in sorted(by_seed)]
    return Spread(
        fmean(values), stdev(values) if len(values) > 1 else None, dict(sorted(by_seed.items()))
    )


def difference(
    averages: Mapping[Key, BySeed], run: str, other: str, metric: str, group: str
) -> Spread | None:
    """`run` − `other` seed by seed, over the seeds that both have; None where they share none."""
    return gap(averages.get((run, metric, group), {}), averages.get((other, metric, group), {}))


def gap(ours: BySeed, theirs: BySeed) -> Spread | None:
    """The first − the second, seed by seed, over the seeds that both have; None where they share
    none.
    """
    return spread({seed: ours[seed] - theirs[seed] for seed in ours if seed in theirs})


def groups_of(averages: Mapping[Key, BySeed], metric: str) -> tuple[str, ...]:
    """The groups worth a column for `metric`: all three, or the one there is when no data set is in
    the other.

    Instruction sets, for example, are all unseen by the paper's choice: overall would then repeat
    unseen.
    """
    present = [g for g in GROUPS if any(m == metric and group == g for _, m, group in averages)]
    return tuple(present) if len(present) == 3 else tuple(g for g in present if g != "overall")

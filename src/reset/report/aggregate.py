"""From values by data set to the numbers of the result table: macro-averages, seeds, and
differences between runs.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

from reset.core.io import Row

GROUPS = ("seen", "unseen", "overall")
Seed = int | None  # None: a start model, which is predicted and judged once for all seeds
BySeed = dict[Seed, float]
Key = tuple[str, str, str]  # run, metric, group


@dataclass(frozen=True)
class Spread:
    """Mean over seeds, the sample standard deviation (None for one value), and the seeds' own
    values.
    """

    mean: float
    sd: float | None
    by_seed: BySeed


def by_familiarity(row: Row) -> tuple[str, str]:
    """The GROUPS that a row counts for."""
    return ("seen" if row["seen"] else "unseen", "overall")


def macro(
    results: Iterable[Row], groups: Callable[[Row], Iterable[str]] = by_familiarity
) -> dict[Key, BySeed]:
    """Mean over data sets, each weighing the same, for every run, metric, group and seed.

    `results` are rows of `metrics.read`; `groups` names the groups of a row. A group without data
    sets is absent, and so is one where a data set of the group has no value: an average over fewer
    sets would not compare with the others.
    """
    values: dict[Key, dict[Seed, list[float | None]]] = {}
    for row in results:
        for group in groups(row):
            by_seed = values.setdefault((row["run"], row["metric"], group), {})
            by_seed.setdefault(row["seed"], []).append(row["value"])
    averages: dict[Key, BySeed] = {}
    for key, by_seed in values.items():
        for seed, dataset_values in by_seed.items():
            present = [value for value in dataset_values if value is not None]
            if len(present) == len(dataset_values):
                averages.setdefault(key, {})[seed] = fmean(present)
    return averages


def spread(by_seed: Mapping[Seed, float]) -> Spread | None:
    """Mean, spread and values over seeds, in the order of the seeds; None without a value."""
    if not by_seed:
        return None
    ordered = {seed: by_seed[seed] for seed in sorted(by_seed, key=seed_order)}
    values = list(ordered.values())
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None, ordered)


def seed_order(seed: Seed) -> int:
    """The place of a seed among others; a start model's None comes first."""
    return -1 if seed is None else seed


def trained_seeds(seeds: Iterable[Seed]) -> list[int]:
    """Each seed once, in order, without the None of start models."""
    return sorted({seed for seed in seeds if seed is not None})


def difference(
    averages: Mapping[Key, BySeed], run: str, other: str, metric: str, group: str
) -> Spread | None:
    """`run` − `other` by `gap`, from the averages of both."""
    return gap(averages.get((run, metric, group), {}), averages.get((other, metric, group), {}))


def gap(ours: Mapping[Seed, float], theirs: Mapping[Seed, float]) -> Spread | None:
    """The first − the second over the seeds of `shared_seeds`; None where they share none."""
    pairs = shared_seeds(ours, theirs)
    return spread({seed: ours[own] - theirs[other] for seed, own, other in pairs})


def shared_seeds(ours: Iterable[Seed], theirs: Iterable[Seed]) -> list[tuple[Seed, Seed, Seed]]:
    """The pairs of seeds to compare, in order: (seed of the pair, the first's, the second's).

    Runs are paired seed by seed; a start model, which has no seed, is paired with every seed of the
    other run.
    """
    first, second = set(ours), set(theirs)
    if second == {None}:
        return [(seed, seed, None) for seed in sorted(first, key=seed_order)]
    if first == {None}:
        return [(seed, None, seed) for seed in sorted(second, key=seed_order)]
    return [(seed, seed, seed) for seed in sorted(first & second, key=seed_order)]


def groups_of(averages: Mapping[Key, BySeed], metric: str) -> tuple[str, ...]:
    """The groups worth a column for `metric`: all three, or the one there is when no data set is in
    the other.

    Instruction sets, for example, are all unseen by the paper's choice: overall would then repeat
    unseen.
    """
    found = {group for _, averaged, group in averages if averaged == metric}
    if found < set(GROUPS):
        found.discard("overall")
    return tuple(group for group in GROUPS if group in found)

"""How sure a difference between two runs is: a paired bootstrap over prompts, and Student's t over
seeds.
"""

import random
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from reset.core.io import Row
from reset.report.aggregate import Seed, shared_seeds

LEVEL = 0.95
DEVIATIONS = 50  # of the seeds a draw of prompts: the tails of t need many
AT_ONCE = 1_000_000  # prompts drawn at once, 16 MB; how many changes no draw


def pairs(
    answers: Mapping[str, Mapping[Seed, Sequence[Row]]],
    run: str,
    other: str,
    metric: str,
    datasets: Collection[str],
) -> dict[str, np.ndarray]:
    """Score of `run` minus score of `other` on the same prompt and seed, by data set: arrays of
    seeds × prompts.

    `answers` maps run and seed to the rows of data/answers, of which those of `datasets` count;
    seeds are paired by `aggregate.shared_seeds`. Prompts where one of the scores is missing in any
    seed are left out, so that every seed has the same prompts. Empty where the runs share no seed
    or no scored prompt.
    """
    columns = []
    for _, ours, theirs in shared_seeds(answers.get(run, {}), answers.get(other, {})):
        first = _scores(answers[run][ours], metric, datasets)
        second = _scores(answers[other][theirs], metric, datasets)
        columns.append({key: first[key] - second[key] for key in first if key in second})
    if not columns:
        return {}
    by_dataset: dict[str, list[list[float]]] = {}
    for key in sorted(set.intersection(*map(set, columns))):
        by_dataset.setdefault(key[0], []).append([column[key] for column in columns])
    return {dataset: np.array(rows).T for dataset, rows in by_dataset.items()}


def _scores(
    rows: Sequence[Row], metric: str, datasets: Collection[str]
) -> dict[tuple[str, str], float]:
    """The scores that are there, by data set and id."""
    return {
        (row["dataset"], row["id"]): row[f"s_{metric}"]
        for row in rows
        if row["dataset"] in datasets and row[f"s_{metric}"] is not None
    }


def interval(differences: Mapping[str, np.ndarray], draws: int, seed: int) -> tuple[float, float]:
    """The 95 % interval of the macro-averaged difference, for arrays of seeds × prompts by data
    set.

    Each of `draws` draws takes within each data set as many prompts as there are, with replacement
    and the same for all seeds, since all seeds answer the same prompts, and averages over prompts,
    seeds and data sets. To it come deviations of the seeds: their standard error times Student's t
    with one degree of freedom less than seeds. Seeds are too few to be drawn like prompts (of
    three, such intervals would hold the truth four times in five). With one seed the interval
    speaks of the prompts alone. Same arguments, same interval. Source: Efron and Tibshirani 1993,
    chapters 8 and 12, for the bootstrap; adding the two is our assumption, and a little wide.
    """
    generator = np.random.default_rng(random.Random(seed).getrandbits(64))
    tables = [differences[dataset] for dataset in sorted(differences)]
    total = np.zeros(draws)
    for table in tables:
        count = table.shape[1]
        for part in np.array_split(total, 1 + draws * count // AT_ONCE):  # views of total
            prompts = generator.integers(count, size=(len(part), count))
            part += table.mean(axis=0)[prompts].mean(axis=1) / len(tables)
    by_seed = np.mean([table.mean(axis=1) for table in tables], axis=0)
    if len(by_seed) > 1:
        error = by_seed.std(ddof=1) / len(by_seed) ** 0.5
        total = total[:, None] + error * generator.standard_t(
            len(by_seed) - 1, size=(draws, DEVIATIONS)
        )
    low, high = np.quantile(total, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)

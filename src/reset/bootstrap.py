"""How sure a difference between two runs is: a paired bootstrap over seeds and prompts."""

import random
from collections.abc import Mapping, Sequence

import numpy as np

from reset.records import Row

LEVEL = 0.95


def pairs(
    answers: Mapping[str, Mapping[int, Sequence[Row]]], run: str, other: str, metric: str, group: str
) -> dict[str, np.ndarray]:
    """Score of `run` minus score of `other` on the same prompt and seed, by data set: arrays of seeds × prompts.

    `answers` maps run and seed to the rows of data/answers. Prompts where one of the scores is missing in any seed are
    left out, so that every seed has the same prompts. Empty where the runs share no seed or no scored prompt.
    """
    seeds = sorted(set(answers.get(run, {})) & set(answers.get(other, {})))
    columns: list[dict[tuple[str, str], float]] = []
    for seed in seeds:
        theirs = {row["id"]: row[f"s_{metric}"] for row in answers[other][seed]}
        columns.append(
            {
                (row["dataset"], row["id"]): row[f"s_{metric}"] - theirs[row["id"]]
                for row in answers[run][seed]
                if group in ("overall", "seen" if row["seen"] else "unseen")
                and row[f"s_{metric}"] is not None
                and theirs.get(row["id"]) is not None
            }
        )
    common = sorted(set.intersection(*map(set, columns))) if columns else []
    by_dataset: dict[str, list[list[float]]] = {}
    for key in common:
        by_dataset.setdefault(key[0], []).append([column[key] for column in columns])
    return {dataset: np.array(rows).T for dataset, rows in by_dataset.items()}


def interval(differences: Mapping[str, np.ndarray], draws: int, seed: int) -> tuple[float, float]:
    """The 95 % percentile interval of the macro-averaged difference.

    Each of `draws` draws takes as many seeds as there are, with replacement, and within each data set as many prompts
    as there are, the same for all seeds, since all seeds answer the same prompts; then averages over prompts, seeds
    and data sets. With one seed the interval speaks of the prompts alone. Same arguments, same interval.
    """
    generator = np.random.default_rng(random.Random(seed).getrandbits(64))
    count = next(iter(differences.values())).shape[0]
    drawn = generator.integers(count, size=(draws, count))
    weights = np.stack([(drawn == which).mean(axis=1) for which in range(count)])  # seeds × draws
    total = np.zeros(draws)
    for dataset in sorted(differences):
        table = differences[dataset]
        prompts = generator.integers(table.shape[1], size=(draws, table.shape[1]))
        for which in range(count):
            total += table[which][prompts].mean(axis=1) * weights[which]
    low, high = np.quantile(total / len(differences), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)

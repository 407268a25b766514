"""Which training prompts are sampled: a random subset of each data set, instruction data counting
as one set.
"""

import random
from collections import defaultdict
from dataclasses import dataclass

from reset.core.io import Row
from reset.core.params import Count
from reset.core.tasks import group


@dataclass(frozen=True)
class Pool:
    """One entry of `sampling.pools`: rounds of the grid for each prompt, at most how many prompts
    of each data set (null: all), and whether the reference is judged with the samples and may be
    selected.
    """

    rounds: Count
    prompts_per_dataset: Count | None
    reference: bool


def choose(rows: list[Row], per_dataset: int | None, seed: int) -> list[Row]:
    """At most `per_dataset` rows of each data set (None: all), in their order in `rows`, without
    the column `copies`.

    All instruction rows count as one data set (our reading of the paper, which samples 2,000
    prompts of each of four). The choice depends on ids, not on the rows' order, and a smaller pool
    of the same seed is a part of a larger one.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        groups[group(row)].append(row["id"])
    chosen: set[str] = set()
    for name, ids in groups.items():
        ids.sort()
        random.Random(f"{seed}/{name}").shuffle(ids)
        chosen.update(ids[:per_dataset])
    pool = []
    for row in rows:
        if row["id"] in chosen:
            pool.append({key: value for key, value in row.items() if key != "copies"})
    return pool


def with_references(samples: list[Row], prompts: list[Row]) -> list[Row]:
    """Each prompt's samples and behind them its reference as one more, for the judges to score like
    the others.

    Its setting is {"reference": true}; `tokens` is None, because nothing was generated. Prompts
    stay in their order.
    """
    of_prompt: dict[str, list[Row]] = {row["id"]: [] for row in prompts}
    for sample in samples:
        of_prompt[sample["id"]].append(sample)
    return [
        row
        for prompt in prompts
        for row in (*of_prompt[prompt["id"]], _reference(prompt, len(of_prompt[prompt["id"]])))
    ]


def _reference(prompt: Row, number: int) -> Row:
    facts = {"id": prompt["id"], "sample": number, "setting": {"reference": True}}
    return {**facts, "text": prompt["target"], "tokens": None, "finish": "eos"}

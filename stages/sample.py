"""Answers of the multi-task model to a random subset of its training prompts, over a grid of
decoding settings.
"""

import argparse
from collections import Counter
from pathlib import Path

from reset.core import params
from reset.core.errors import run_stage
from reset.core.io import by_id, read, require_columns, write
from reset.core.tasks import group
from reset.data.pools.prompt_pools import Pool, choose, with_references
from reset.generation import generate
from reset.generation.decoding import Grid, Request
from reset.generation.engines import EngineSettings

PROMPTS = "data/mixes/mtl/train.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool")
    parser.add_argument("seed", type=int)
    given = parser.parse_args()
    declared = params.declared("sample", pool=given.pool, seed=str(given.seed))
    sampling = declared.sampling
    settings = params.build(
        EngineSettings,
        {name: sampling[name] for name in EngineSettings.__annotations__},
        "sampling",
    )
    grid = params.build(Grid, {name: sampling[name] for name in Grid.__annotations__}, "sampling")
    pool = params.build(Pool, sampling.pools[given.pool], f"sampling.pools.{given.pool}")

    rows = by_id(read(PROMPTS), PROMPTS)
    for id, row in rows.items():
        require_columns(row, ["prompt", "target", "dataset", "task"], f"{PROMPTS}, id {id}")
    chosen = choose(list(rows.values()), pool.prompts_per_dataset, given.seed)
    requests = [
        Request(r["id"], r["prompt"], grid.draws(r["id"], pool.rounds, given.seed)) for r in chosen
    ]
    answers = generate.generate(
        Path(f"models/mtl_{given.seed}"), requests, settings, sampling.max_new_tokens
    )
    if pool.reference:
        answers = with_references(answers, chosen)
    write(f"data/pools/{given.pool}_{given.seed}.jsonl", chosen)
    write(f"data/samples/{given.pool}_{given.seed}.jsonl", answers)
    cut = sum(answer["finish"] == "length" for answer in answers)
    sizes = Counter(map(group, chosen))
    print(
        f"sample {given.pool}_{given.seed}: {len(chosen)} prompts"
        f" ({', '.join(f'{name} {size}' for name, size in sizes.items())}), {len(answers)} answers,"
        f" {cut} cut at the limit"
    )


if __name__ == "__main__":
    run_stage(main)

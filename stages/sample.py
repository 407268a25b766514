"""Answers of the multi-task model to a random subset of its training prompts, over a grid of decoding settings."""

import argparse
from pathlib import Path

from reset import params, shards
from reset.decoding import Grid, Request
from reset.engines import Settings
from reset.errors import explain
from reset.pools import Pool, choose, with_references
from reset.records import by_id, read, require_columns, write

PROMPTS = "data/mixes/mtl/train.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool")
    parser.add_argument("seed", type=int)
    given = parser.parse_args()
    declared = params.declared("sample", pool=given.pool, seed=str(given.seed))
    sampling = declared.sampling
    settings = params.build(Settings, {name: sampling[name] for name in Settings.__annotations__}, "sampling")
    grid = params.build(Grid, {name: sampling[name] for name in Grid.__annotations__}, "sampling")
    pool = params.build(Pool, sampling.pools[given.pool], f"sampling.pools.{given.pool}")

    rows = by_id(read(PROMPTS), PROMPTS)
    for id, row in rows.items():
        require_columns(row, ["prompt", "target", "dataset", "task"], f"{PROMPTS}, id {id}")
    chosen = choose(list(rows.values()), pool.prompts_per_dataset, given.seed, PROMPTS)
    requests = [Request(r["id"], r["prompt"], grid.draws(r["id"], pool.rounds, given.seed)) for r in chosen]
    answers = shards.generate(Path(f"models/mtl_{given.seed}"), requests, settings, sampling.max_new_tokens)
    if pool.reference:
        answers = with_references(answers, chosen)
    write(f"data/pools/{given.pool}_{given.seed}.jsonl", chosen)
    write(f"data/samples/{given.pool}_{given.seed}.jsonl", answers)
    cut = sum(answer["finish"] == "length" for answer in answers)
    print(f"sample {given.pool}_{given.seed}: {len(chosen)} prompts, {len(answers)} answers, {cut} cut at the limit")


if __name__ == "__main__":
    explain(main)

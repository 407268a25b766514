"""rank[pool,seed]: put the judges' scores beside every sample and keep the selected one of each
prompt.
"""

import argparse
import sys

from reset.core import io, params
from reset.core.errors import run_stage
from reset.selection import ranking


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool")
    parser.add_argument("seed", type=int)
    args = parser.parse_args()
    name = f"{args.pool}_{args.seed}"
    settings = params.build(
        ranking.RankingSettings, params.declared("rank", pool=args.pool).ranking, "ranking"
    )

    verdicts = {}
    for judge in ("task", "faithfulness", "instruction"):
        path = f"data/verdicts/{judge}/samples/{name}.jsonl"
        verdicts[judge] = ranking.by_sample(io.stream(path), path)
    pool = io.stream(f"data/pools/{name}.jsonl")
    samples = io.stream(f"data/samples/{name}.jsonl")
    judged = ranking.candidates(pool, samples, verdicts, settings.weights)

    ranked = []
    for row in judged:
        winner = ranking.select(
            row, settings.selection, args.seed, settings.ties, settings.cut_samples
        )
        for candidate in row["candidates"]:
            candidate["winner"] = winner is not None and candidate["sample"] == winner["sample"]
        if winner is not None:
            ranked.append(winner)
    train, dev = ranking.split(ranked, settings.dev, args.seed)
    io.write(f"data/candidates/{name}.jsonl", judged)
    io.write(f"data/ranked/{name}/train.jsonl", train)
    io.write(f"data/ranked/{name}/dev.jsonl", dev)
    print(
        f"rank {name}: {len(judged)} prompts, {len(ranked)} kept, {len(judged) - len(ranked)}"
        " without a score",
        file=sys.stderr,
    )


if __name__ == "__main__":
    run_stage(main)

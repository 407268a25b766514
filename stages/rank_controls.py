"""rank_controls[run,seed]: the prompts that `reset` trains on, with a random sample or the
reference as the target.
"""

import argparse
import sys

from reset.core import io, params
from reset.core.errors import run_stage
from reset.selection import ranking

SELECTION: dict[str, ranking.Selection] = {"random": "random", "control": "reference"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", choices=SELECTION)
    parser.add_argument("seed", type=int)
    args = parser.parse_args()
    declared = params.declared("rank_controls").ranking

    judged = io.stream(f"data/candidates/reset_{args.seed}.jsonl")
    how, cut_samples = SELECTION[args.run], declared.cut_samples
    chosen = [ranking.select(row, how, args.seed, cut_samples=cut_samples) for row in judged]
    ranked = [row for row in chosen if row is not None]
    train, dev = ranking.split(ranked, declared.dev, args.seed)
    folder = f"data/ranked/{args.run}_{args.seed}"
    io.write(f"{folder}/train.jsonl", train)
    io.write(f"{folder}/dev.jsonl", dev)
    print(
        f"rank_controls {args.run}_{args.seed}: {len(train)} prompts, {len(dev)} to choose by",
        file=sys.stderr,
    )


if __name__ == "__main__":
    run_stage(main)

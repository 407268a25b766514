"""rank_controls[run,seed]: the prompts that `reset` trains on, with a random sample or the reference as the target."""

import argparse
import sys

from reset import ranking, records
from reset.errors import explain

SELECTION: dict[str, ranking.Selection] = {"random": "random", "control": "reference"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", choices=SELECTION)
    parser.add_argument("seed", type=int)
    args = parser.parse_args()

    judged = records.stream(f"data/candidates/reset_{args.seed}.jsonl")
    chosen = (ranking.select(row, SELECTION[args.run], args.seed) for row in judged)
    count = records.write(f"data/ranked/{args.run}_{args.seed}.jsonl", (row for row in chosen if row is not None))
    print(f"rank_controls {args.run}_{args.seed}: {count} prompts", file=sys.stderr)


if __name__ == "__main__":
    explain(main)

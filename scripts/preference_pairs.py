"""Pairs for preference training from the candidates of a pool: the best against the worst of each
prompt.

No stage of the graph. The file has the columns of TRL's DPOTrainer.
"""

import argparse
from pathlib import Path

from reset.core import io
from reset.core.errors import InputError, run_stage
from reset.tools import preference_pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool")
    parser.add_argument("seed", type=int)
    parser.add_argument("out", type=Path, help="the JSON Lines file to write")
    args = parser.parse_args()

    source = f"data/candidates/{args.pool}_{args.seed}.jsonl"
    found = [preference_pairs.preference(row) for row in io.stream(source)]
    pairs = [pair for pair in found if pair is not None]
    if not pairs:
        raise InputError(
            f"{source}: no prompt of {len(found)} has two answers with different scores"
        )
    io.write(args.out, pairs)
    print(
        f"{args.out}: {len(pairs)} pairs; {len(found) - len(pairs)} prompts have no two different"
        " scores"
    )


if __name__ == "__main__":
    run_stage(main)

"""evaluate[run,seed]: put the judges' scores beside every answer of a run and average them by data
set.
"""

import argparse
import sys

from reset.core import io, tasks
from reset.core.errors import run_stage
from reset.evaluation import csv_table, metrics


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("seed", type=int)
    args = parser.parse_args()
    name = f"{args.run}_{args.seed}"

    prompts = io.read("data/evaluation.jsonl")
    predictions = io.read(f"data/predictions/{name}.jsonl")
    verdicts = {
        judge: io.read(f"data/verdicts/{judge}/predictions/{name}.jsonl") for judge in tasks.JUDGES
    }
    answers = metrics.answers(prompts, predictions, verdicts, name)
    io.write(f"data/answers/{name}.jsonl", answers)
    rows = metrics.measure(args.run, args.seed, answers)
    csv_table.write(f"metrics/runs/{name}.csv", metrics.COLUMNS, rows)
    sets = {row["dataset"] for row in rows}
    print(f"evaluate {name}: {len(answers)} answers, {len(sets)} data sets", file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)

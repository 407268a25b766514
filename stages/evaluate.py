"""evaluate: put the judges' scores beside every answer of every run and average them by data
set.
"""

import sys

from reset.core import io, params
from reset.core.errors import run_stage
from reset.core.tasks import JUDGES, predicted
from reset.evaluation import csv_table, metrics


def main() -> None:
    declared = params.declared("evaluate")
    prompts = io.read("data/evaluation.jsonl")
    evaluated = {}
    for name in predicted(declared.runs, declared.seeds):
        predictions = io.read(f"data/predictions/{name}.jsonl")
        verdicts = {
            judge: io.read(f"data/verdicts/{judge}/predictions/{name}.jsonl") for judge in JUDGES
        }
        evaluated[name] = metrics.answers(prompts, predictions, verdicts, name)
    for name, answers in evaluated.items():  # once all of them are known to be whole
        io.write(f"data/answers/{name}.jsonl", answers)
        rows = metrics.measure(*io.split_seed(name), answers)
        csv_table.write(f"metrics/runs/{name}.csv", metrics.COLUMNS, rows)
        print(f"evaluate {name}: {len(answers)} answers", file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)

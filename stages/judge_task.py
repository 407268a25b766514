"""Exact match and ROUGE of generations against their references."""

import argparse

from reset import params
from reset.errors import explain
from reset.judges import generations, task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", help="the stage in dvc.yaml whose params are read")
    parser.add_argument("kind", choices=generations.KINDS)
    parser.add_argument("name", help="a pool (of samples) or a run (of predictions)")
    parser.add_argument("seed", type=int)
    given = parser.parse_args()
    judges = params.declared(given.stage, pool=given.name, run=given.name, seed=str(given.seed)).judges
    settings = params.build(task.Settings, judges.task, "judges.task")

    pairs = generations.paired(given.kind, given.name, given.seed, generations.CONTEXT_TASKS)
    verdicts = task.judge(pairs, settings)
    path = generations.verdicts_path("task", given.kind, given.name, given.seed)
    count = generations.write_verdicts(path, pairs, verdicts, judges.max_missing)
    print(f"judge_task {given.kind} {given.name}_{given.seed}: {count} answers scored")


if __name__ == "__main__":
    explain(main)

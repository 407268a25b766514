"""Span coverage and SummaC-ZS (or what the params name instead) of generations against their context."""

import argparse
from pathlib import Path

from reset import params
from reset.errors import explain
from reset.judges import faithfulness, generations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", help="the stage in dvc.yaml whose params are read")
    parser.add_argument("kind", choices=generations.KINDS)
    parser.add_argument("name", help="a pool (of samples) or a run (of predictions)")
    parser.add_argument("seed", type=int)
    given = parser.parse_args()
    judges = params.declared(given.stage, pool=given.name, run=given.name, seed=str(given.seed)).judges
    settings = params.build(faithfulness.Settings, judges.faithfulness, "judges.faithfulness")

    pairs = generations.paired(given.kind, given.name, given.seed, generations.CONTEXT_TASKS)
    verdicts = faithfulness.judge(pairs, settings, Path("models/nli"), progress=True)
    path = generations.verdicts_path("faithfulness", given.kind, given.name, given.seed)
    count = generations.write_verdicts(path, pairs, verdicts, judges.max_missing, settings.lowest)
    empty = sum(row["score"] == 0 and bool(row["reason"]) for row in verdicts)
    print(f"judge_faithfulness {given.kind} {given.name}_{given.seed}: {count} answers scored, {empty} of them empty")


if __name__ == "__main__":
    explain(main)

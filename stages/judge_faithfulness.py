"""Span coverage and SummaC-ZS (or what the params name instead) of generations against their
context.
"""

from pathlib import Path

from reset.core import params, tasks
from reset.core.errors import run_stage
from reset.judges.common import verdicts
from reset.judges.common.verdicts import Generations
from reset.judges.faithfulness import measure


def main() -> None:
    args = verdicts.arguments(__doc__)
    item = Generations(args.kind, args.name)
    judges = params.declared(item.stage("faithfulness")).judges
    settings = params.build(
        measure.FaithfulnessSettings, judges.faithfulness, "judges.faithfulness"
    )

    pairs = verdicts.paired(item, tasks.CONTEXT_TASKS)
    scores = measure.judge_faithfulness(pairs, settings, Path("models/nli"), progress=True)
    count = verdicts.write(item, "faithfulness", pairs, scores, judges.max_missing, settings.lowest)
    nothing = sum(row["score"] == 0 and bool(row["reason"]) for row in scores)
    print(f"faithfulness of {item}: {count} answers scored, {nothing} had nothing to judge")


if __name__ == "__main__":
    run_stage(main)

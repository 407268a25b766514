"""Span coverage and SummaC-ZS (or what the params name instead) of generations against their
context.
"""

from pathlib import Path

from reset.core import params, tasks
from reset.core.errors import run_stage
from reset.judges.faithfulness import measure
from reset.judges.verdicts import item_of_command, paired, verdicts_path, write_verdicts


def main() -> None:
    item = item_of_command(__doc__)
    judges = params.declared(item.stage).judges
    settings = params.build(
        measure.FaithfulnessSettings, judges.faithfulness, "judges.faithfulness"
    )

    pairs = paired(item.kind, item.name, item.seed, tasks.CONTEXT_TASKS)
    verdicts = measure.judge_faithfulness(pairs, settings, Path("models/nli"), progress=True)
    path = verdicts_path("faithfulness", item.kind, item.name, item.seed)
    count = write_verdicts(path, pairs, verdicts, judges.max_missing, settings.lowest)
    nothing = sum(row["score"] == 0 and bool(row["reason"]) for row in verdicts)
    print(f"{item}: {count} answers scored, {nothing} of them without anything to judge")


if __name__ == "__main__":
    run_stage(main)

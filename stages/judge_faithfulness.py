"""Span coverage and SummaC-ZS (or what the params name instead) of generations against their context."""

from pathlib import Path

from reset import params
from reset.errors import explain
from reset.judges import faithfulness, generations


def main() -> None:
    item = generations.item_of_command(__doc__)
    judges = params.declared(item.stage).judges
    settings = params.build(faithfulness.Settings, judges.faithfulness, "judges.faithfulness")

    pairs = generations.paired(item.kind, item.name, item.seed, generations.CONTEXT_TASKS)
    verdicts = faithfulness.judge(pairs, settings, Path("models/nli"), progress=True)
    path = generations.verdicts_path("faithfulness", item.kind, item.name, item.seed)
    count = generations.write_verdicts(path, pairs, verdicts, judges.max_missing, settings.lowest)
    nothing = sum(row["score"] == 0 and bool(row["reason"]) for row in verdicts)
    print(f"{item}: {count} answers scored, {nothing} of them without anything to judge")


if __name__ == "__main__":
    explain(main)

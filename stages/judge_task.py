"""Exact match and ROUGE of generations against their references."""

from reset.core import params, tasks
from reset.core.errors import run_stage
from reset.judges.task import measure
from reset.judges.verdicts import item_of_command, paired, verdicts_path, write_verdicts


def main() -> None:
    item = item_of_command(__doc__)
    judges = params.declared(item.stage).judges
    settings = params.build(measure.TaskSettings, judges.task, "judges.task")

    pairs = paired(item.kind, item.name, item.seed, tasks.CONTEXT_TASKS)
    verdicts = measure.judge_task(pairs, settings)
    path = verdicts_path("task", item.kind, item.name, item.seed)
    count = write_verdicts(path, pairs, verdicts, judges.max_missing)
    print(f"{item}: {count} answers scored")


if __name__ == "__main__":
    run_stage(main)

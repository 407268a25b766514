"""Exact match and ROUGE of generations against their references."""

from reset import params
from reset.errors import explain
from reset.judges import generations, task


def main() -> None:
    item = generations.item_of_command(__doc__)
    judges = params.declared(item.stage).judges
    settings = params.build(task.Settings, judges.task, "judges.task")

    pairs = generations.paired(item.kind, item.name, item.seed, generations.CONTEXT_TASKS)
    verdicts = task.judge(pairs, settings)
    path = generations.verdicts_path("task", item.kind, item.name, item.seed)
    count = generations.write_verdicts(path, pairs, verdicts, judges.max_missing)
    print(f"{item}: {count} answers scored")


if __name__ == "__main__":
    explain(main)

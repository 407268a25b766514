"""Exact match and ROUGE of generations against their references: of one pool's samples, or of all
predictions.
"""

from reset.core import params, tasks
from reset.core.errors import run_stage
from reset.judges.common import verdicts
from reset.judges.common.verdicts import Generations
from reset.judges.task.measure import TaskSettings, judge_task


def main() -> None:
    args = verdicts.arguments(__doc__)
    declared = params.declared(f"judge_{args.kind}_task")
    settings = params.build(TaskSettings, declared.judges.task, "judges.task")

    names = [args.name] if args.name else tasks.predicted(declared.runs, declared.seeds)
    for name in names:
        item = Generations(args.kind, name)
        pairs = verdicts.paired(item, tasks.CONTEXT_TASKS)
        scores = judge_task(pairs, settings)
        count = verdicts.write(item, "task", pairs, scores, declared.judges.max_missing)
        print(f"judge_{args.kind}_task {name}: {count} answers scored")


if __name__ == "__main__":
    run_stage(main)

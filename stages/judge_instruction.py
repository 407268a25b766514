"""judge_instruction[pool,seed] and grade_instruction[run,seed]: how well each generation follows
its instruction.
"""

import sys

from reset.core import params, tasks
from reset.core.errors import run_stage
from reset.judges.instruction import backends
from reset.judges.instruction.settings import InstructionSettings, check_ready
from reset.judges.verdicts import item_of_command, paired, verdicts_path, write_verdicts


def main() -> None:
    item = item_of_command(__doc__)
    judges = params.declared(item.stage).judges
    settings = params.build(InstructionSettings, judges.instruction, "judges.instruction")
    check_ready(settings)

    pairs = paired(item.kind, item.name, item.seed, tasks.INSTRUCTION_TASKS)
    backend = settings.judging(item.kind)
    endpoint = settings.openai.judging(item.kind, item.name) if settings.openai else None
    verdicts = backends.verdicts(pairs, backend, endpoint, str(item), judges.max_missing)
    path = verdicts_path("instruction", item.kind, item.name, item.seed)
    count = write_verdicts(path, pairs, verdicts, judges.max_missing)
    missing = sum(verdict["score"] is None for verdict in verdicts)
    print(
        f"{item}: {count} generations judged by {backend}, {missing} without a score",
        file=sys.stderr,
    )


if __name__ == "__main__":
    run_stage(main)

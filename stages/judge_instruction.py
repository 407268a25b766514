"""How well each generation follows its instruction, by a rubric, a model or an LLM judge."""

import sys

from reset.core import params, tasks
from reset.core.errors import run_stage
from reset.judges.common import verdicts
from reset.judges.common.verdicts import Generations
from reset.judges.instruction import backends
from reset.judges.instruction.settings import InstructionSettings, check_ready


def main() -> None:
    args = verdicts.arguments(__doc__)
    item = Generations(args.kind, args.name)
    judges = params.declared(item.stage("instruction")).judges
    settings = params.build(InstructionSettings, judges.instruction, "judges.instruction")
    check_ready(settings)

    pairs = verdicts.paired(item, tasks.INSTRUCTION_TASKS)
    backend = settings.judging(item.kind, item.run)
    endpoint = settings.openai.judging(item.kind, item.run) if settings.openai else None
    label = item.dvc_name("instruction")
    scores = backends.verdicts(
        pairs, backend, endpoint, label, judges.max_missing, settings.prompt, settings.reward
    )
    count = verdicts.write(item, "instruction", pairs, scores, judges.max_missing)
    missing = sum(verdict["score"] is None for verdict in scores)
    print(
        f"instruction following of {item}: {count} generations judged by {backend},"
        f" {missing} without a score",
        file=sys.stderr,
    )


if __name__ == "__main__":
    run_stage(main)

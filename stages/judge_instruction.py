"""judge_instruction[pool,seed] and grade_instruction[run,seed]: how well each generation follows its instruction."""

import sys

from reset import params
from reset.errors import explain
from reset.judges import generations, instruction, llm


def main() -> None:
    item = generations.item_of_command(__doc__)
    judges = params.declared(item.stage).judges
    settings = params.build(llm.Settings, judges.instruction, "judges.instruction")
    llm.check_ready(settings)

    pairs = generations.paired(item.kind, item.name, item.seed, generations.INSTRUCTION_TASKS)
    backend = settings.judging(item.kind)
    endpoint = settings.openai.judging(item.kind, item.name) if settings.openai else None
    verdicts = instruction.verdicts(pairs, backend, endpoint, str(item), judges.max_missing)
    path = generations.verdicts_path("instruction", item.kind, item.name, item.seed)
    count = generations.write_verdicts(path, pairs, verdicts, judges.max_missing)
    missing = sum(verdict["score"] is None for verdict in verdicts)
    print(f"{item}: {count} generations judged by {backend}, {missing} without a score", file=sys.stderr)


if __name__ == "__main__":
    explain(main)

"""judge_instruction[pool,seed] and grade_instruction[run,seed]: how well each generation follows its instruction."""

import argparse
import sys

from reset import params
from reset.errors import explain
from reset.judges import generations, instruction, llm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", help="the stage of dvc.yaml whose params are read")
    parser.add_argument("kind", choices=generations.KINDS)
    parser.add_argument("name", help="pool or run")
    parser.add_argument("seed", type=int)
    args = parser.parse_args()
    judges = params.declared(args.stage).judges
    settings = params.build(llm.Settings, judges.instruction, "judges.instruction")
    llm.check_ready(settings)

    pairs = generations.paired(args.kind, args.name, args.seed, generations.INSTRUCTION_TASKS)
    label = f"{args.stage}@{args.name}-{args.seed}"
    backend = settings.judging(args.kind)
    endpoint = settings.openai.judging(args.kind, args.name) if settings.openai else None
    verdicts = instruction.verdicts(pairs, backend, endpoint, label, judges.max_missing)
    path = generations.verdicts_path("instruction", args.kind, args.name, args.seed)
    count = generations.write_verdicts(path, pairs, verdicts, judges.max_missing)
    missing = sum(verdict["score"] is None for verdict in verdicts)
    print(f"{label}: {count} generations judged by {backend}, {missing} without a score", file=sys.stderr)


if __name__ == "__main__":
    explain(main)

"""judge_ready: stop before any sampling when the judge could not be asked (no key, no permission to spend)."""

from reset import params
from reset.errors import explain
from reset.judges import llm
from reset.records import write_text


def main() -> None:
    judges = params.declared("judge_ready").judges
    llm.check_ready(params.build(llm.Settings, judges.instruction, "judges.instruction"))
    # always the same text: what a judge is set to must not make the samples stale
    write_text("data/judge_ready.txt", "ready\n")


if __name__ == "__main__":
    explain(main)

"""judge_ready: stop before any sampling when the judge could not be asked (no key, no permission to
spend).
"""

from reset.core import params
from reset.core.errors import run_stage
from reset.core.io import write_text
from reset.judges.instruction import settings


def main() -> None:
    judges = params.declared("judge_ready").judges
    settings.check_ready(
        params.build(settings.InstructionSettings, judges.instruction, "judges.instruction")
    )
    # always the same text: what a judge is set to must not make the samples stale
    write_text("data/judge_ready.txt", "ready\n")


if __name__ == "__main__":
    run_stage(main)

"""What must hold before anything is trained or sampled: the judge of instruction following may be
asked (`settings`), and each of its models answers (`endpoint`).

Each part leaves a file of constant text, and so does `all`, for which training and sampling wait:
what a judge is set to must not make them stale.
"""

import argparse
from pathlib import Path

from reset.core import params
from reset.core.errors import run_stage
from reset.core.io import write_text
from reset.judges.instruction import llm
from reset.judges.instruction.pending import all_judged
from reset.judges.instruction.settings import InstructionSettings, check_ready


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["settings", "endpoint", "all"])
    part = parser.parse_args().part
    if part == "all":
        write_text("data/judge_ready.txt", "ready\n")
        return
    stage = "judge_settings" if part == "settings" else "judge_probe"
    section = params.declared(stage).judges.instruction
    settings = params.build(InstructionSettings, section, "judges.instruction")
    if part == "settings":
        check_ready(settings)
        if settings.asks:
            llm.checked_template(settings)
    else:
        probe(settings)
    write_text(f"data/judge_ready/{part}.txt", "ready\n")


def probe(settings: InstructionSettings) -> None:
    """Ask each model once, unless no back end asks an endpoint or nothing is left to judge."""
    if settings.openai is None:
        return
    lock = params.load("dvc.lock") if Path("dvc.lock").exists() else {}
    if all_judged(params.load("dvc.yaml"), lock, params.load("params.yaml")):
        print("judge_probe: everything is judged, so no model is asked")
        return
    check_ready(settings)
    from reset.judges.instruction.probe import ask_models

    ask_models(settings.openai, llm.checked_template(settings))
    print(f"judge_probe: {', '.join(settings.openai.models)} answered")


if __name__ == "__main__":
    run_stage(main)

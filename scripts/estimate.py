"""`make estimate`: what the LLM judge will cost with the current params, and what it has cost so
far.

No stage of the graph: it writes metrics/cost.json, which DVC does not hash, because spending is no
result.
"""

import argparse
import sys
from pathlib import Path

from reset.core import params
from reset.core.errors import run_stage
from reset.judges.instruction import cost, pending
from reset.judges.instruction.cost import Estimate
from reset.judges.instruction.reply_store import Store, location
from reset.judges.instruction.settings import InstructionSettings, OpenAISettings
from reset.tools import judge_cost


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    everything = params.load("params.yaml")
    settings = params.build(
        InstructionSettings, everything["judges"]["instruction"], "judges.instruction"
    )
    if settings.openai is None:
        print("No LLM judges: no calls, no cost.")
    else:
        show(everything, settings, settings.openai)
    if settings.openai is not None or location().exists():
        with Store(location()) as store:
            spent = cost.write_cost(store)
        lost = ""
        if spent["lost_calls"]:
            lost = f", {spent['lost_calls']} more perhaps billed without a reply"
        print(
            f"So far: {spent['calls']:,} replies, {spent['usd']:.4f} USD{lost}; {cost.COST} has the"
            " rest."
        )


def show(everything: dict, judges: InstructionSettings, settings: OpenAISettings) -> None:
    """One line an item and the sum."""
    total, guessed = Estimate(), False
    lock = params.load("dvc.lock") if Path("dvc.lock").exists() else {}
    with Store(location()) as store:
        for item in pending.items(params.load("dvc.yaml"), everything):
            if judges.judging(item.kind, item.run) != "openai":
                continue
            estimate, known = judge_cost.estimate_cost(item, judges, everything, lock, store)
            total, guessed = total + estimate, guessed or not known
            note = "" if known else " (not generated with these params)"
            print(f"{item}: {estimate}{note}")
        booked = store.booked()
    note = "; the texts are partly counted by the params, so at most" if guessed else ""
    print(f"All: {total}{note}.")
    print(
        f"Model {settings.model} at {settings.url}; budget {settings.budget_usd:g} USD,"
        f" {booked:.4f} booked so far."
    )
    if total.usd > settings.budget_usd - booked:
        print(
            "This exceeds what is left: raise judges.instruction.openai.budget_usd first.",
            file=sys.stderr,
        )


if __name__ == "__main__":
    run_stage(main)

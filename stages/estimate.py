"""`make estimate`: what the LLM judge will cost with the current params, and what it has cost so far.

No stage of the graph: it writes metrics/cost.json, which DVC does not hash, because spending is no result.
"""

import sys

from reset import params
from reset.errors import explain
from reset.judges import llm, outlook, spending
from reset.judges.spending import Estimate
from reset.judges.store import Store, location


def main() -> None:
    everything = params.load("params.yaml")
    settings = params.build(llm.Settings, everything["judges"]["instruction"], "judges.instruction")
    if settings.openai is None:
        print("No LLM judges: no calls, no cost.")
    else:
        show(everything, settings, settings.openai)
    if settings.openai is not None or location().exists():
        with Store(location()) as store:
            spent = spending.write_cost(store)
        lost = f", {spent['lost_calls']} more perhaps billed without a reply" if spent["lost_calls"] else ""
        print(f"So far: {spent['calls']:,} replies, {spent['usd']:.4f} USD{lost}; {spending.COST} has the rest.")


def show(everything: dict, judges: llm.Settings, settings: llm.OpenAI) -> None:
    """One line an item and the sum."""
    total, guessed = Estimate(), False
    with Store(location()) as store:
        for item in outlook.items(params.load("dvc.yaml"), everything):
            backend = judges.judging(item.kind)
            if backend not in llm.PROMPTS:
                continue
            estimate, known = outlook.outlook(item, backend, settings, everything, store)
            total, guessed = total + estimate, guessed or not known
            print(f"{item}: {estimate}{'' if known else ' (not generated yet)'}")
        booked = store.booked()
    print(f"All: {total}{' at most, partly by the params' if guessed else ''}.")
    print(f"Model {settings.model} at {settings.url}; budget {settings.budget_usd:g} USD, {booked:.4f} booked so far.")
    if total.usd > settings.budget_usd - booked:
        print("This exceeds what is left: raise judges.instruction.openai.budget_usd first.", file=sys.stderr)


if __name__ == "__main__":
    explain(main)

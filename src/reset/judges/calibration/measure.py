"""How far the NLI model behind SummaC-ZS can be trusted: its verdicts on pairs whose label is
known.
"""

from collections.abc import Callable
from pathlib import Path

from reset.core.io import Row
from reset.judges.calibration import nli_accuracy
from reset.judges.faithfulness.nli import Nli
from reset.world.language.people import World
from reset.world.models.nli import pair

HELD_OUT = 2000
"""Pairs drawn in the demo world; so many give an accuracy to about a percent."""


def nli(
    source: Row,
    world: World | None,
    labelled: str | None,
    load: Callable[[], Nli],
    batch_tokens: int,
) -> Row:
    """What the model says on labelled rows: `model` (`source`, as in models.nli), `sets` and
    `reason`.

    The rows are pairs of the demo world where there is one, and the files nli_*.jsonl and
    summac_*.jsonl of the folder `labelled` (`report.labelled`). `sets` holds the rows of
    `nli_accuracy.measure`, or is None where nothing could be measured, and `reason` then says why.
    `load` is called only where there is something to measure. InputError if the folder holds no
    labelled row.
    """
    reason = _why_not(source, world, labelled)
    if reason:
        return {"model": source, "sets": None, "reason": reason}
    model, sets = load(), []
    if world:
        found = nli_accuracy.accuracy(model, held_out(world), batch_tokens)
        sets.append({"set": "demo world, other people", **found})
    if labelled:
        sets += nli_accuracy.measure(model, Path(labelled), batch_tokens)
    return {"model": source, "sets": sets, "reason": None}


def held_out(world: World) -> list[Row]:
    """HELD_OUT pairs about people of the test split, none of whom the demo's training pairs are
    about: premise, hypothesis, label.
    """
    names, rng = world.people.everyone("test"), world.rng("nli", "test")
    columns = ("premise", "hypothesis", "label")
    return [dict(zip(columns, pair(names, rng), strict=True)) for _ in range(HELD_OUT)]


def _why_not(source: Row, world: World | None, labelled: str | None) -> str | None:
    if source["source"] == "none":
        return "there is no NLI model (models.nli.source: none)"
    if world is None and labelled is None:
        return "no labelled pairs were given (report.labelled: null)"
    return None

"""How far the NLI model behind SummaC-ZS can be trusted: its verdicts on pairs whose label is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reset.judges import nli_accuracy
from reset.judges.nli import Nli
from reset.records import Row
from reset.world.nli import pair
from reset.world.people import World

HELD_OUT = 2000
"""Pairs drawn in the demo world; so many give an accuracy to about a percent."""


def nli(source: Row, mirror: str | None, world: World | None, load: Callable[[], Nli], batch_tokens: int) -> Row:
    """What the model says on labelled rows: `model` (`source`, as in models.nli), `sets` and `reason`.

    The rows are pairs of the demo world for the mirror `toy`, otherwise the files nli_*.jsonl and summac_*.jsonl of
    the mirror folder. `sets` holds the rows of `nli_accuracy.measure`, or is None where nothing could be measured,
    and `reason` then says why. `load` is called only where there is something to measure.
    """
    reason = _why_not(source, mirror, world)
    if reason:
        return {"model": source, "sets": None, "reason": reason}
    if world:
        sets = [{"set": "demo world, other people", **nli_accuracy.accuracy(load(), held_out(world), batch_tokens)}]
    else:
        sets = nli_accuracy.measure(load(), Path(str(mirror)), batch_tokens)
    return {"model": source, "sets": sets, "reason": None}


def held_out(world: World) -> list[Row]:
    """HELD_OUT pairs about people of the test split, none of whom the demo's training pairs are about: premise,
    hypothesis, label."""
    names, rng = world.people.everyone("test"), world.rng("nli", "test")
    columns = ("premise", "hypothesis", "label")
    return [dict(zip(columns, pair(names, rng), strict=True)) for _ in range(HELD_OUT)]


def _why_not(source: Row, mirror: str | None, world: World | None) -> str | None:
    if source["source"] == "none":
        return "there is no NLI model (models.nli.source: none)"
    if mirror == "toy":
        return None if world else "the demo world has no settings (data.world: null)"
    if mirror is None:
        return "the data sets come from the hub, and none of them has labelled pairs (data.mirror: null)"
    if not any(file for kind in ("nli", "summac") for file in Path(mirror).glob(f"{kind}_*.jsonl")):
        return "the mirror has no labelled rows (nli_*.jsonl or summac_*.jsonl in the folder of data.mirror)"
    return None

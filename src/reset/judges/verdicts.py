"""Generations joined with their prompts before judging, and verdicts checked before they are
written.

Both ways are strict, because a row that is paired with the wrong prompt, or lost, changes every
later number without a sound: a judge sees all generations of its tasks, and answers each of them
once.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from reset.core import io
from reset.core.errors import InputError
from reset.core.io import Row

KINDS = ("samples", "predictions")

Pair = tuple[Row, Row]


class Item(NamedTuple):
    """One set of generations to judge: the arguments of a judging stage's script. `stage`: whose
    params are read.
    """

    stage: str
    kind: str
    name: str
    seed: int

    def __str__(self) -> str:
        """The stage and item as DVC names them."""
        return f"{self.stage}@{self.name}-{self.seed}"


def item_of_command(purpose: str | None) -> Item:
    """The item that a judging stage's command line names; `purpose` is what --help says of the
    script.
    """
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("stage", help="the stage of dvc.yaml whose params are read")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("name", help="a pool (of samples) or a run (of predictions)")
    parser.add_argument("seed", type=int)
    return Item(**vars(parser.parse_args()))


def prompts_path(kind: str, name: str, seed: int) -> Path:
    """Where the prompts of these generations lie: a pool of its own for samples, one evaluation set
    for predictions.
    """
    if kind not in KINDS:
        raise InputError(f"kind {kind!r} is unknown; it is one of {', '.join(KINDS)}")
    return (
        Path(f"data/pools/{name}_{seed}.jsonl")
        if kind == "samples"
        else Path("data/evaluation.jsonl")
    )


def paired(kind: str, name: str, seed: int, tasks: Collection[str]) -> list[Pair]:
    """(prompt row, generation row) for each generation of a prompt whose task is in `tasks`, in the
    file's order.

    Reads `data/<kind>/<name>_<seed>.jsonl` and its prompts. The whole file is checked, also the
    rows of other tasks: InputError if an id is on one side only, if an (id, sample) repeats, or if
    a prompt lacks a sample that others have.
    """
    source = prompts_path(kind, name, seed)
    prompts = io.by_id(io.read(source), str(source))
    path = Path(f"data/{kind}/{name}_{seed}.jsonl")
    generations = io.read(path)
    seen: dict[str, set[int]] = {}
    for line, row in enumerate(generations, start=1):
        where = f"{path}:{line}"
        io.require_columns(row, ("id", "sample", "text"), where)
        if row["id"] not in prompts:
            raise InputError(
                f"{where}: id {row['id']!r} is not in {source}; both files must hold the same ids"
            )
        samples = seen.setdefault(row["id"], set())
        if row["sample"] in samples:
            raise InputError(
                f"{where}: sample {row['sample']} of {row['id']!r} repeats; each (id, sample)"
                " stands once"
            )
        samples.add(row["sample"])
    _require_complete(prompts, seen, path)
    pairs = [(prompts[row["id"]], row) for row in generations]
    return [(prompt, row) for prompt, row in pairs if prompt["task"] in tasks]


def _require_complete(prompts: Collection[str], seen: dict[str, set[int]], path: Path) -> None:
    """Every prompt has the samples 0 … n − 1, with one n for all: so a lost shard or a lost last
    sample is noticed.
    """
    count = max((len(samples) for samples in seen.values()), default=1)
    for id in prompts:
        missing = set(range(count)) - seen.get(id, set())
        if missing:
            raise InputError(
                f"{path}: {id!r} lacks sample {min(missing)}; every prompt needs samples 0 to"
                f" {count - 1}"
            )


def verdicts_path(judge: str, kind: str, name: str, seed: int) -> Path:
    """Where the verdicts of one judge (`task`, `faithfulness`, `instruction`) on one set of
    generations lie.
    """
    return Path(f"data/verdicts/{judge}/{kind}/{name}_{seed}.jsonl")


def write_verdicts(
    path: Path,
    pairs: Sequence[Pair],
    verdicts: Sequence[Row],
    max_missing: float,
    lowest: float = 0.0,
) -> int:
    """Write one verdict (id, sample, metric, score, …) for each generation of `pairs`, in their
    order; the row count.

    A score is a number from `lowest` (0, or −1 where a judge subtracts) to 1, or None where none
    could be had. Nothing is written, and InputError raised, when the rows are not exactly the
    generations, when a score is out of range, or when more than the share `max_missing` of the
    scores is None.
    """
    rows: dict[tuple[str, int], Row] = {}
    for row in verdicts:
        io.require_columns(row, ("id", "sample", "metric", "score"), str(path))
        key = (row["id"], row["sample"])
        if key in rows:
            raise InputError(
                f"{path}: two verdicts for sample {key[1]} of {key[0]!r}; one is right"
            )
        if not _is_score(row["score"], lowest):
            raise InputError(
                f"{path}: {key[0]!r} scores {row['score']!r}; a score is null or from {lowest:g}"
                " to 1"
            )
        rows[key] = row
    wanted = [(row["id"], row["sample"]) for _, row in pairs]
    if set(wanted) != rows.keys():
        odd = sorted(set(wanted) ^ rows.keys())[0]
        raise InputError(
            f"{path}: {odd} has a verdict or a generation, but not both; {len(wanted)} verdicts"
            " are due"
        )
    _require_enough(path, list(rows.values()), max_missing)
    return io.write(path, [rows[key] for key in wanted])


def _is_score(score: object, lowest: float) -> bool:
    if score is None:
        return True
    number = isinstance(score, int | float) and not isinstance(score, bool)
    return number and math.isfinite(score) and lowest <= score <= 1.0  # type: ignore[arg-type,operator]


def _require_enough(path: Path, rows: Sequence[Row], max_missing: float) -> None:
    missing = [row for row in rows if row["score"] is None]
    if len(missing) > max_missing * len(rows):
        reasons = sorted({str(row.get("reason") or "no reason given") for row in missing})
        raise InputError(
            f"{path}: {len(missing)} of {len(rows)} scores are missing, more than"
            f" judges.max_missing = {max_missing:g} allows; reasons: {'; '.join(reasons[:3])}"
        )

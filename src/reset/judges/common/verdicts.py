"""Generations joined with their prompts before judging, and verdicts checked before they are
written.

Both ways are strict, because a row that is paired with the wrong prompt, or lost, changes every
later number without a sound: a judge sees all generations of its tasks, and answers each of them
once.
"""

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


class Generations(NamedTuple):
    """One file of generations to judge: `kind` samples or predictions, `name` <pool>_<seed>,
    <run>_<seed> or the name of a start model.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def run(self) -> str:
        """The pool or run, without the seed."""
        return io.split_seed(self.name)[0]

    def stage(self, judge: str) -> str:
        """The stage of dvc.yaml in which `judge` reads these generations."""
        seed = io.split_seed(self.name)[1]
        return f"judge_{self.kind if seed is not None else 'start_models'}_{judge}"

    def dvc_name(self, judge: str) -> str:
        """That stage and its item as DVC names them."""
        run, seed = io.split_seed(self.name)
        item = run if seed is None else f"{run}-{seed}"
        return f"{self.stage(judge)}@{item}"

    @property
    def path(self) -> Path:
        return Path(f"data/{self.kind}/{self.name}.jsonl")

    @property
    def prompts(self) -> Path:
        """A pool of its own for samples, one evaluation set for all predictions."""
        if self.kind == "samples":
            return Path(f"data/pools/{self.name}.jsonl")
        return Path("data/evaluation.jsonl")

    def verdicts(self, judge: str) -> Path:
        """Where the verdicts of `judge` (task, faithfulness, instruction) lie."""
        return Path(f"data/verdicts/{judge}/{self.kind}/{self.name}.jsonl")


def arguments(purpose: str | None) -> argparse.Namespace:
    """`kind` and `name` of a judging stage's command line; `purpose` is what --help says of it."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("name", nargs="?", help="<pool>_<seed>, <run>_<seed> or a start model")
    return parser.parse_args()


def paired(item: Generations, tasks: Collection[str]) -> list[Pair]:
    """(prompt row, generation row) for each generation of a prompt whose task is in `tasks`, in the
    file's order.

    Reads `item.path` and its prompts. The whole file is checked, also the
    rows of other tasks: InputError if an id is on one side only, if an (id, sample) repeats, or if
    a prompt lacks a sample that others have.
    """
    source, path = item.prompts, item.path
    prompts = io.by_id(io.read(source), str(source))
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


def write(
    item: Generations,
    judge: str,
    pairs: Sequence[Pair],
    verdicts: Sequence[Row],
    max_missing: float,
    lowest: float = 0.0,
) -> int:
    """Write one verdict (id, sample, metric, score, …) for each generation of `pairs`, in their
    order; the row count.

    A score is a number from `lowest` (0, or −1 where a judge subtracts) to 1, or None where none
    is available. Nothing is written, and InputError raised, when the rows are not exactly the
    generations, when a score is out of range, or when more than the share `max_missing` of the
    scores is None.
    """
    path = item.verdicts(judge)
    rows: dict[tuple[str, int], Row] = {}
    for row in verdicts:
        io.require_columns(row, ("id", "sample", "metric", "score"), str(path))
        key = (row["id"], row["sample"])
        if key in rows:
            raise InputError(
                f"{path}: two verdicts for sample {key[1]} of {key[0]!r}, expected one"
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
            f"{path}: {odd} has a verdict or a generation, but not both; expected {len(wanted)}"
            " verdicts"
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

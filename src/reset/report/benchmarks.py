"""Public benchmarks: what the stage `benchmark` measured of the runs that ask for it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from reset.core import io
from reset.report import runs
from reset.report.aggregate import BySeed, spread
from reset.report.data_statistics import read_json
from reset.report.numbers import significant
from reset.report.table import Table

Numbers = Mapping[str, Mapping[str, BySeed]]  # run -> "<task>.<metric>" -> value by seed


def load(folder: str | Path, names: Sequence[str]) -> dict[str, dict[str, BySeed]]:
    """The numbers in those of `folder`'s files <run>_<seed>.json that are named and there."""
    found: dict[str, dict[str, BySeed]] = {}
    for path in [Path(folder) / f"{name}.json" for name in names]:
        run, seed = io.split_seed(path.stem)
        if path.exists():
            for name, value in read_json(path).items():
                found.setdefault(run, {}).setdefault(name, {})[seed] = value
    return found


def table(numbers: Numbers) -> Table:
    """A row a task and metric, a column a run: mean ± standard deviation over seeds."""
    names = sorted({name for values in numbers.values() for name in values})
    shown = runs.ordered(numbers)
    rows = []
    for name in names:
        task, _, metric = name.partition(".")
        rows.append([task, metric, *[_show(numbers[run].get(name, {})) for run in shown]])
    return Table("Public benchmarks", ["task", "metric", *shown], rows, labels=2)


def _show(by_seed: BySeed) -> str:
    value = spread(by_seed)
    if value is None:
        return "–"
    mean = significant(value.mean, 4)
    return mean if value.sd is None else f"{mean} ± {significant(value.sd, 2)}"

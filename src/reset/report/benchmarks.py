"""Public benchmarks: what the stage `benchmark` measured of the runs that ask for it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from reset.core import io
from reset.report.aggregate import BySeed, spread
from reset.report.data_statistics import read_json
from reset.report.table import Table

Numbers = Mapping[str, Mapping[str, BySeed]]  # run -> "<task>.<metric>" -> value by seed


def load(folder: str | Path, seeds: Sequence[int]) -> dict[str, dict[str, BySeed]]:
    """The numbers in `folder`'s <run>_<seed>.json of the given seeds; none where there are none."""
    found: dict[str, dict[str, BySeed]] = {}
    for path in sorted(Path(folder).glob("*.json")):
        run, seed = io.split_seed(path.stem)
        if seed in seeds:
            for name, value in read_json(path).items():
                found.setdefault(run, {}).setdefault(name, {})[seed] = value
    return found


def table(numbers: Numbers) -> Table:
    """A row a task and metric, a column a run: mean ± standard deviation over seeds."""
    names = sorted({name for values in numbers.values() for name in values})
    rows = []
    for name in names:
        task, _, metric = name.partition(".")
        rows.append([task, metric, *[_show(values.get(name, {})) for values in numbers.values()]])
    return Table("Public benchmarks", ["task", "metric", *numbers], rows, labels=2)


def _show(by_seed: BySeed) -> str:
    value = spread(by_seed)
    if value is None:
        return "–"
    if value.sd is None:
        return f"{value.mean:.4g}"
    return f"{value.mean:.4g} ± {value.sd:.2g}"

"""The plots that dvc.yaml declares, of two revisions in one picture each: A is grey, B is green."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reset.core.io import Row
from reset.evaluation import csv_table
from reset.report.aggregate import Spread
from reset.report.svg import Point, bars, checkpoints, lines, scatter
from reset.tools.compare.revision import Revision

A, B = 1, 4  # colours of report/assets/figures.css
Cells = dict[str, str]


@dataclass(frozen=True)
class Overlay:
    """One declared plot: its title, (caption, SVG) of the panels that differ, and the names of
    those that do not.
    """

    title: str
    pictures: Sequence[tuple[str, str]]
    equal: Sequence[str]


def draw(a: Revision, b: Revision) -> list[Overlay]:
    """Every plot that both revisions declare, panel by panel. A template without a drawing here is
    left out.
    """
    shared = [
        name for name in b.plots if name in a.plots and b.plots[name].get("template") in DRAWINGS
    ]
    return [_overlay(name, b.plots[name], a, b) for name in shared]


def _overlay(name: str, spec: Row, a: Revision, b: Revision) -> Overlay:
    ((path, fields),) = spec["y"].items()
    pictures, equal = [], []
    for field in [fields] if isinstance(fields, str) else fields:
        of_a, of_b = (_panels(side, path, spec["x"], field) for side in (a, b))
        for panel in dict.fromkeys([*of_a, *of_b]):
            caption = panel if isinstance(fields, str) else f"{panel}: {field}"
            if of_a.get(panel) == of_b.get(panel):
                equal.append(caption)
            else:
                told = of_a.get(panel, []), of_b.get(panel, [])
                svg = DRAWINGS[spec["template"]](
                    *told, spec["x"], field, f"{spec['title']} {caption}"
                )
                pictures.append((caption, svg))
    return Overlay(spec["title"], pictures, equal)


def _panels(side: Revision, path: str, x: str, field: str) -> dict[str, list[Cells]]:
    """Rows of a plot's table by panel; a column `kind` parts a panel further. Cells without a value
    are left out.
    """
    panels: dict[str, list[Cells]] = {}
    for row in csv_table.read(side.files[path], (x, field)) if path in side.files else []:
        name = ", ".join(row[key] for key in ("panel", "kind") if row.get(key))
        if row[field] and row[x]:
            panels.setdefault(name, []).append(
                {key: row[key] for key in ("run", "seed", x, field) if key in row}
            )
    return panels


def _points(a: list[Cells], b: list[Cells], x: str, y: str, title: str) -> str:
    """One point a run and side, an arrow from A to B; a run that did not move is one grey point."""
    of_a, of_b = ({row["run"]: (float(row[x]), float(row[y])) for row in side} for side in (a, b))
    points = [Point(f"{run} in A", *at, A, quiet=run in of_b) for run, at in of_a.items()]
    points += [Point(run, *at, A if of_a.get(run) == at else B) for run, at in of_b.items()]
    return scatter(points, [(f"{run} in A", run) for run in of_b], x, y, title)


def _bars(a: list[Cells], b: list[Cells], x: str, name: str, title: str) -> str:
    """Two bars a run that differs: A above B."""
    of_a, of_b = ({row[name]: float(row[x]) for row in side} for side in (a, b))
    groups = []
    for run in [run for run in dict.fromkeys([*of_a, *of_b]) if of_a.get(run) != of_b.get(run)]:
        told = [(side[run], colour) for side, colour in ((of_a, A), (of_b, B)) if run in side]
        groups.append(
            (
                "",
                [
                    ("" if place else run, value, colour)
                    for place, (value, colour) in enumerate(told)
                ],
            )
        )
    return bars(groups, title)


def _curves(a: list[Cells], b: list[Cells], x: str, y: str, title: str) -> str:
    """One curve a seed and side."""
    series = []
    for name, side, colour in (("A", a, A), ("B", b, B)):
        by_seed: dict[str, list[tuple[float, float]]] = {}
        for row in side:
            by_seed.setdefault(row.get("seed", ""), []).append((float(row[x]), float(row[y])))
        series += [(name, points, colour) for points in by_seed.values()]
    return lines(series, x, title)


def _checkpoints(a: list[Cells], b: list[Cells], x: str, y: str, title: str) -> str:
    """One line a two-stage run and side, from checkpoint to checkpoint."""
    places = list(dict.fromkeys(row[x] for row in [*a, *b]))
    series = []
    for name, side, colour in (("A", a, A), ("B", b, B)):
        for run in dict.fromkeys(row["run"] for row in side):
            told = {row[x]: Spread(float(row[y]), None, {}) for row in side if row["run"] == run}
            series.append((name, [told.get(place) for place in places], colour))
    top = max(float(row[y]) for row in [*a, *b])
    return checkpoints(series, places, (0, top * 1.05 or 1), title)


DRAWINGS = {  # by template in .dvc/plots
    "points": _points, "bars": _bars, "curves": _curves, "steps": _curves, "checkpoints": _checkpoints,
}  # fmt: skip

"""The plots that dvc.yaml declares, of two revisions in one picture each, drawn as `dvc plots diff`
draws them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reset.core.io import Row
from reset.evaluation import csv_table
from reset.report import charts
from reset.tools.compare.revision import Revision


@dataclass(frozen=True)
class Overlay:
    """One declared plot: its title, an SVG for each panel that differs, and the names of the panels
    that do not.
    """

    title: str
    pictures: Sequence[str]
    equal: Sequence[str]


def draw(a: Revision, b: Revision) -> list[Overlay]:
    """Every plot that both revisions have, panel by panel."""
    return [_overlay(plot, a, b) for name, plot in b.plots.items() if name in a.plots]


def _overlay(plot: Row, a: Revision, b: Revision) -> Overlay:
    (path,) = plot["y"]
    a_rows, b_rows = _rows(a, path), _rows(b, path)
    marked = [row | {"rev": f"A: {a.name}"} for row in a_rows]
    marked += [row | {"rev": f"B: {b.name}"} for row in b_rows]
    pictures, equal = [], []
    for panel, spec in charts.panels(charts.fill(plot, marked)):
        if _of_panel(a_rows, panel) == _of_panel(b_rows, panel):
            equal.append(panel)
        else:
            pictures.append(charts.svg(spec, f"{plot['title']} {panel}".strip()))
    return Overlay(plot["title"], pictures, equal)


def _rows(side: Revision, path: str) -> list[Row]:
    """The rows of a plot's table; none where the side lacks the file."""
    return list(csv_table.read(side.files[path], ())) if path in side.files else []


def _of_panel(rows: Sequence[Row], panel: str) -> list[Row]:
    return [row for row in rows if row.get("panel", "") == panel]

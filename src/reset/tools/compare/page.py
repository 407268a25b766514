"""Two revisions side by side on one page: results, parameters, plots and changed answers."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from reset.core.io import Row
from reset.report import aggregate, numbers, runs
from reset.report import html as page
from reset.report.aggregate import BySeed, Key
from reset.report.table import Table
from reset.report.tables import ABILITIES
from reset.tools.compare import answers, plots
from reset.tools.compare.revision import Revision

SIDES = ("A", "B", "B − A")


def html(a: Revision, b: Revision) -> str:
    """The page, which needs nothing else."""
    counts, sources = answers.samples(a, b)
    sections = [
        ("results", "Results", page.notes(HOW) + _tables(headline(a.results, b.results))),
        ("params", "Parameters", _tables([differing(a.params, b.params)])),
        ("datasets", "By data set", _tables(by_dataset(a.results, b.results))),
        ("plots", "Plots", page.notes(PLOTS) + _plots(plots.draw(a, b))),
        ("changed", "What changed in the answers", page.notes(*missing(a, b)) + page.table(counts)),
    ]
    heading = f"{a.name} and {b.name}"
    return page.document(f"ReSet: {heading}", heading, lead(a, b), sections, SAMPLES, sources)


HOW = (
    "Averages over data sets, each weighing the same, and over seeds; the difference is that of the"
    " seeds that both sides have, = where nothing differs. No interval is given: a difference"
    " between two revisions includes the chance of training."
)
PLOTS = (
    "The plots that dvc.yaml declares, with A and B apart by shape, dash or shade, as `dvc plots"
    " diff` shows them. Panels without any difference are named."
)
SAMPLES = (
    "Answers whose text or score is not the same on both sides: of each data set in turn, the one"
    f" with the largest change of score first, {answers.SHOWN} a run and seed at most."
)


def lead(a: Revision, b: Revision) -> str:
    """Which commits are compared."""
    sentences = []
    for side, revision in (("A", a), ("B", b)):
        commit = f" ({revision.commit[:10]})" if revision.commit else ""
        sentences.append(f"{side} is {revision.name}{commit}")
    return "; ".join(sentences) + "."


def missing(a: Revision, b: Revision) -> list[str]:
    """One sentence a side that lacks files: they are neither in DVC's cache nor on a remote."""
    return [
        f"{side} ({revision.name}) lacks {', '.join(revision.missing)}: not in DVC's cache. `dvc"
        " fetch` from a remote that has them, or run that revision again; what needs them is left"
        " out here."
        for side, revision in (("A", a), ("B", b))
        if revision.missing
    ]


def headline(a: Sequence[Row], b: Sequence[Row]) -> list[Table]:
    """Run × seen, unseen and overall, a table an ability: both sides and their difference. Rows of
    `metrics.read`.
    """
    a_scores, b_scores = aggregate.macro(a), aggregate.macro(b)
    made = []
    for metric in ABILITIES:
        groups = aggregate.groups_of({**a_scores, **b_scores}, metric)
        made.append(_sides(numbers.NAMES[metric], metric, groups, a_scores, b_scores))
    return [table for table in made if table.rows]


def by_dataset(a: Sequence[Row], b: Sequence[Row]) -> list[Table]:
    """Run × data set, a table an ability; runs without any difference are named below it."""
    a_scores, b_scores = (aggregate.macro(rows, lambda row: [row["dataset"]]) for rows in (a, b))
    made = [_by_dataset(metric, a_scores, b_scores) for metric in ABILITIES]
    return [table for table in made if table.rows or table.notes]


def _by_dataset(metric: str, a: Mapping[Key, BySeed], b: Mapping[Key, BySeed]) -> Table:
    keys = [key for key in [*a, *b] if key[1] == metric]
    sets = tuple(dict.fromkeys(name for _, _, name in keys))
    moved = {key[0] for key in keys if a.get(key) != b.get(key)}
    a_moved = {key: values for key, values in a.items() if key[0] in moved}
    b_moved = {key: values for key, values in b.items() if key[0] in moved}
    equal = runs.ordered(run for run, _, _ in keys if run not in moved)
    notes = [f"The same on both sides: {', '.join(equal)}."] if equal else []
    title = f"{numbers.NAMES[metric]} by data set"
    return _sides(title, metric, sets, a_moved, b_moved, notes)


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> Table:
    """Parameters by dotted key with another value on the two sides."""
    rows = []
    for key in dict.fromkeys([*a, *b]):
        if key not in a or key not in b or a[key] != b[key]:
            values = [json.dumps(side[key]) if key in side else "–" for side in (a, b)]
            rows.append([key, *values])
    notes = [] if rows else ["None."]
    columns = ["parameter", *SIDES[:2]]
    return Table("Parameters that differ", columns, rows, labels=3, notes=notes)


def _sides(
    title: str,
    metric: str,
    groups: Sequence[str],
    a: Mapping[Key, BySeed],
    b: Mapping[Key, BySeed],
    notes: Sequence[str] = (),
) -> Table:
    """Run × group: A, B and the difference over shared seeds."""
    rows = []
    for run in runs.ordered(run for run, m, _ in [*a, *b] if m == metric):
        cells = [run]
        for group in groups:
            key = (run, metric, group)
            cells += _side_cells(metric, a.get(key, {}), b.get(key, {}))
        rows.append(cells)
    spans = [("", 1), *[(group, len(SIDES)) for group in groups]]
    return Table(title, ["run", *SIDES * len(groups)], rows, spans, notes=notes)


def _side_cells(metric: str, a: BySeed, b: BySeed) -> list[str]:
    gap = aggregate.gap(b, a)
    difference = numbers.show_difference(metric, gap.mean if gap else None)
    sides = [numbers.show_spread(metric, aggregate.spread(side)) for side in (a, b)]
    return [*sides, "=" if a == b else difference]


def _tables(made: Sequence[Table]) -> str:
    """Tables with their titles, if they are several; one without rows is its notes alone."""
    parts = []
    for table in made:
        parts += [f"<h3>{escape(table.title)}</h3>"] if len(made) > 1 else []
        parts += [page.table(table) if table.rows else page.notes(*table.notes)]
    return "".join(parts)


def _plots(drawn: Sequence[plots.Overlay]) -> str:
    parts = []
    for plot in drawn:
        parts.append(f"<h3>{escape(plot.title)}</h3>")
        if plot.pictures:
            parts.append(page.figure("", plot.pictures))
            if plot.equal:
                parts.append(page.notes(f"The same on both sides: {'; '.join(plot.equal)}."))
        else:
            parts.append(page.notes("The same on both sides."))
    return "".join(parts)

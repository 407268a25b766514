"""Two revisions side by side on one page: results, parameters, plots, and the answers that changed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from reset import aggregate, browser, metrics, overlay, page, records, runs, tables
from reset.aggregate import BySeed, Key
from reset.records import Row
from reset.revision import PROMPTS, Revision, answers
from reset.tables import Table

SHOWN = 100  # changed answers of a run and seed on the page
SIDES = ("A", "B", "B − A")
SCORES = [f"s_{judge}" for judge in metrics.JUDGES]


def html(a: Revision, b: Revision) -> str:
    """The page, which needs nothing else."""
    changed, sources = samples(a, b)
    sections = [
        ("results", "Results", page.notes(HOW) + _tables(headline(a.results, b.results))),
        ("params", "Parameters", _tables([differing(a.params, b.params)])),
        ("datasets", "By data set", _tables(by_dataset(a.results, b.results))),
        ("plots", "Plots", page.notes(PLOTS) + _plots(overlay.draw(a, b))),
        ("changed", "What changed in the answers", page.notes(*missing(a, b)) + page.table(changed)),
    ]
    heading = f"{a.name} and {b.name}"
    return page.document(f"ReSet: {heading}", heading, lead(a, b), sections, SAMPLES, sources)


HOW = (
    "Averages over data sets, each weighing the same, and over seeds; the difference is that of the seeds that both "
    "sides have, = where nothing differs. No interval is given: a difference between two revisions includes the chance "
    "of training."
)
PLOTS = (
    "The plots that dvc.yaml declares; A is grey, B is green. Bars that are the same on both sides are left out, and "
    "panels without any difference are named."
)
SAMPLES = (
    "Answers whose text or score is not the same on both sides: of each data set in turn, the one with the largest "
    f"change of score first, {SHOWN} a run and seed at most."
)


def lead(a: Revision, b: Revision) -> str:
    """Which commits are compared."""
    told = [f"{side} is {r.name}" + (f" ({r.commit[:10]})" if r.commit else "") for side, r in (("A", a), ("B", b))]
    return "; ".join(told) + "."


def missing(a: Revision, b: Revision) -> list[str]:
    """One sentence a side that lacks files: they are neither in DVC's cache nor on a remote."""
    return [
        f"{side} ({revision.name}) lacks {', '.join(revision.missing)}: not in DVC's cache. `dvc fetch` from a remote "
        "that has them, or run that revision again; what hangs from them is left out here."
        for side, revision in (("A", a), ("B", b))
        if revision.missing
    ]


def headline(a: Sequence[Row], b: Sequence[Row]) -> list[Table]:
    """Run × seen, unseen and overall, a table an ability: both sides and their difference. Rows of `metrics.read`."""
    sides = aggregate.macro(a), aggregate.macro(b)
    made = []
    for metric in tables.ABILITIES:
        groups = aggregate.groups_of({**sides[0], **sides[1]}, metric)
        made.append(_sides(tables.NAMES[metric], metric, groups, *sides))
    return [table for table in made if table.rows]


def by_dataset(a: Sequence[Row], b: Sequence[Row]) -> list[Table]:
    """Run × data set, a table an ability; runs without any difference are named below it."""
    sides = _of_sets(a), _of_sets(b)
    keys = [*sides[0], *sides[1]]
    made = []
    for metric in tables.ABILITIES:
        sets = tuple(dict.fromkeys(name for _, m, name in keys if m == metric))
        changed = {k[0] for k in keys if k[1] == metric and sides[0].get(k) != sides[1].get(k)}
        of_a, of_b = ({key: values for key, values in side.items() if key[0] in changed} for side in sides)
        equal = runs.ordered(run for run, m, _ in keys if m == metric and run not in changed)
        notes = [f"The same on both sides: {', '.join(equal)}."] if equal else []
        made.append(_sides(f"{tables.NAMES[metric]} by data set", metric, sets, of_a, of_b, notes))
    return [table for table in made if table.rows or table.notes]


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> Table:
    """Parameters by dotted key with another value on the two sides."""
    keys = [key for key in dict.fromkeys([*a, *b]) if key not in a or key not in b or a[key] != b[key]]
    rows = [[key, *[json.dumps(side[key]) if key in side else "–" for side in (a, b)]] for key in keys]
    return Table("Parameters that differ", ["parameter", *SIDES[:2]], rows, labels=3, notes=[] if rows else ["None."])


def samples(a: Revision, b: Revision) -> tuple[Table, list[Row]]:
    """How many answers changed by run and seed, and the browser's rows of the most changed ones."""
    prompts = {r["id"]: r for side in (a, b) if PROMPTS in side.files for r in records.stream(side.files[PROMPTS])}
    both = {(row["run"], row["seed"]) for row in a.results} & {(row["run"], row["seed"]) for row in b.results}
    rows, sources = [], []
    for run in runs.ordered(run for run, _ in both):
        for seed in sorted(seed for name, seed in both if name == run):
            path = answers(run, seed)
            if not prompts or path not in a.files or path not in b.files:
                continue
            of_a, of_b = (records.by_id(records.stream(side.files[path]), path) for side in (a, b))
            shared = [id for id in of_a if id in of_b]
            texts = [id for id in shared if of_a[id]["text"] != of_b[id]["text"]]
            scores = [id for id in shared if _change(of_a[id], of_b[id]) > 0]
            alone = len(of_a) + len(of_b) - 2 * len(shared)
            rows.append([run, str(seed), *[f"{n:,}" for n in (len(shared), len(texts), len(scores), alone)]])
            found = _in_turn(sorted({*texts, *scores}, key=lambda id: (-_change(of_a[id], of_b[id]), id)), prompts)
            if found:
                sources.append(
                    {
                        "title": f"{run}, seed {seed}",
                        "kind": "evaluation",
                        "note": f"{len(found):,} of {len(shared):,} answers changed.",
                        "rows": browser.evaluation(
                            [prompts[id] for id in found[:SHOWN]],
                            {f"A: {a.name}": of_a, f"B: {b.name}": of_b},
                            {*found[:SHOWN]},
                        ),
                    }
                )
    columns = ["run", "seed", "answers on both sides", "another text", "another score", "on one side only"]
    return Table("Answers that changed", columns, rows), sources


def _in_turn(ids: Sequence[str], prompts: Mapping[str, Row]) -> list[str]:
    """The first of every data set, then the second of every data set, and so on."""
    met: Counter[str] = Counter()
    places = {}
    for id in ids:
        places[id] = met[prompts[id]["dataset"]]
        met[prompts[id]["dataset"]] += 1
    return sorted(ids, key=lambda id: places[id])


def _change(a: Row, b: Row) -> float:
    """The sum of the changes of the scores; a score that only one side has counts as 1."""
    gaps = [(a[key], b[key]) for key in SCORES if a[key] != b[key]]
    return sum(1.0 if None in pair else abs(pair[0] - pair[1]) for pair in gaps)


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
            of_a, of_b = (side.get((run, metric, group), {}) for side in (a, b))
            gap = aggregate.spread({seed: of_b[seed] - of_a[seed] for seed in of_b if seed in of_a})
            cells += [tables.show_spread(metric, aggregate.spread(side)) for side in (of_a, of_b)]
            cells.append("=" if of_a == of_b else tables.show_difference(metric, gap.mean if gap else None))
        rows.append(cells)
    spans = [("", 1), *[(group, len(SIDES)) for group in groups]]
    return Table(title, ["run", *SIDES * len(groups)], rows, spans, notes=notes)


def _of_sets(results: Sequence[Row]) -> dict[Key, BySeed]:
    values: dict[Key, BySeed] = {}
    for row in results:
        if row["value"] is not None:
            values.setdefault((row["run"], row["metric"], row["dataset"]), {})[row["seed"]] = row["value"]
    return values


def _tables(made: Sequence[Table]) -> str:
    """Tables with their titles, if they are several; one without rows is its notes alone."""
    parts = []
    for table in made:
        parts += [f"<h3>{escape(table.title)}</h3>"] if len(made) > 1 else []
        parts += [page.table(table) if table.rows else page.notes(*table.notes)]
    return "".join(parts)


def _plots(drawn: Sequence[overlay.Overlay]) -> str:
    parts = []
    for plot in drawn:
        parts.append(f"<h3>{escape(plot.title)}</h3>")
        if plot.pictures:
            parts.append(page.pictures(plot.pictures))
            parts.append(page.notes(f"The same on both sides: {'; '.join(plot.equal)}.") if plot.equal else "")
        else:
            parts.append(page.notes("The same on both sides."))
    return "".join(parts)

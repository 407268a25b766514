"""The report's tables as plain cells, so that the page, the Markdown and the terminal show the same
numbers.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reset.core.io import Row
from reset.evaluation.metrics import OVERLAPS
from reset.report import runs
from reset.report.aggregate import BySeed, Key, Spread, difference, groups_of, spread
from reset.report.selection_headroom import Scores

ABILITIES = ("instruction", "faithfulness", "task")
NAMES = {"instruction": "IF (of 10)", "faithfulness": "Faithfulness", "task": "Task"}
SHORT = {"instruction": "IF", "faithfulness": "faithfulness", "task": "task"}
Intervals = Mapping[tuple[str, str, str, str], tuple[float, float]]  # run, other, metric, group


@dataclass(frozen=True)
class Table:
    """Cells as text. The first `labels` columns are words, the others numbers; `spans` groups
    columns under a head.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    spans: Sequence[tuple[str, int]] = ()
    labels: int = 1
    notes: Sequence[str] = field(default_factory=tuple)


def headline(averages: Mapping[Key, BySeed]) -> Table:
    """Run × instruction following, faithfulness and task performance: mean ± sd over seeds."""
    cells = _columns(averages)
    rows = [
        [
            run,
            *[
                show_spread(metric, spread(averages.get((run, metric, group), {})))
                for metric, group in cells
            ],
        ]
        for run in runs.ordered(run for run, _, _ in averages)
    ]
    widths = {
        NAMES[ability]: sum(metric == ability for metric, _ in cells) for ability in ABILITIES
    }
    spans = [("", 1), *[(name, width) for name, width in widths.items() if width]]
    return Table("Results", ["run", *[group for _, group in cells]], rows, spans)


def by_seed(averages: Mapping[Key, BySeed]) -> Table:
    """The headline's values seed by seed: one row a run and seed."""
    cells = _columns(averages)
    rows = []
    for run in runs.ordered(run for run, _, _ in averages):
        of_run = [averages.get((run, metric, group), {}) for metric, group in cells]
        for seed in sorted({seed for values in of_run for seed in values}):
            told = zip(cells, of_run, strict=True)
            rows.append(
                [run, str(seed), *[show(metric, values.get(seed)) for (metric, _), values in told]]
            )
    spans = [("", 2), *headline(averages).spans[1:]]
    return Table(
        "Seed by seed", ["run", "seed", *[group for _, group in cells]], rows, spans, labels=1
    )


def differences(averages: Mapping[Key, BySeed], intervals: Intervals) -> Table:
    """The study's comparisons, a row an ability and group: difference per seed, mean, interval and
    its reading.
    """
    seeds = sorted({seed for values in averages.values() for seed in values})
    rows = []
    for run, other, metrics in runs.COMPARISONS:
        for metric in metrics:
            for group in groups_of(averages, metric):
                gap = difference(averages, run, other, metric, group)
                if gap is None:
                    continue
                between = intervals.get((run, other, metric, group))
                rows.append(
                    [
                        f"{run} − {other}",
                        f"{SHORT[metric]}, {group}",
                        show_difference(metric, gap.mean),
                        show_interval(metric, between),
                        reading(metric, between),
                        *[show_difference(metric, gap.by_seed.get(seed)) for seed in seeds],
                    ]
                )
    columns = [
        "difference",
        "ability",
        "mean",
        "95 % interval",
        "reading",
        *[f"seed {seed}" for seed in seeds],
    ]
    return Table("Differences, seed by seed", columns, rows, labels=2)


def sentences(averages: Mapping[Key, BySeed], intervals: Intervals) -> list[str]:
    """One sentence a comparison: each ability's difference over all its sets, the interval, and
    what may be said.
    """
    told = []
    for run, other, metrics in runs.COMPARISONS:
        parts = []
        for metric in metrics:
            for group in groups_of(averages, metric)[-1:]:
                gap = difference(averages, run, other, metric, group)
                between = intervals.get((run, other, metric, group))
                if gap is not None:
                    size = f"{show_difference(metric, gap.mean)} ({show_interval(metric, between)})"
                    parts.append(f"{SHORT[metric]} {size}, {reading(metric, between)}")
        if parts:
            told.append(f"{run} against {other}: {'; '.join(parts)}.")
    return told


def by_dataset(results: Sequence[Row], metric: str) -> Table:
    """Run × data set for one ability, mean ± sd over seeds; below each set its measure and number
    of answers.
    """
    of_metric = [row for row in results if row["metric"] == metric]
    sets = list(dict.fromkeys(row["dataset"] for row in of_metric))
    values: dict[tuple[str, str], BySeed] = {}
    for row in of_metric:
        if row["value"] is not None:
            values.setdefault((row["run"], row["dataset"]), {})[row["seed"]] = row["value"]
    rows = [
        [run, *[show_spread(metric, spread(values.get((run, name), {}))) for name in sets]]
        for run in runs.ordered(row["run"] for row in of_metric)
    ]
    facts = []
    for name in sets:
        of_set = [row for row in of_metric if row["dataset"] == name]
        kinds = ", ".join(sorted({row["measure"] for row in of_set}))
        least, most = (pick(row["n"] for row in of_set) for pick in (min, max))
        count = str(most) if least == most else f"{least}–{most}"
        facts.append(f"{name} ({'seen' if of_set[0]['seen'] else 'unseen'}, {kinds}, n = {count})")
    notes = [f"Measure, and scored answers a run and seed: {'; '.join(facts)}."] if facts else []
    return Table(f"{NAMES[metric]} by data set", ["run", *sets], rows, notes=notes)


def form(
    averages: Mapping[Key, BySeed], instruction: Mapping[Key, BySeed], context: Mapping[Key, BySeed]
) -> Table:
    """Length and collapse of format, apart for the two families, and overlap with the context.

    `instruction` and `context` are `macro` of the rows of the instruction sets and of the
    context-dependent sets.
    """
    rows = []
    for run in runs.ordered(run for run, _, _ in averages):
        cells = [run]
        for family in (context, instruction):
            cells.append(show("length", _mean(family, run, "length")))
            cells += [show_share(_mean(family, run, metric)) for metric in ("empty", "at_limit")]
        cells += [show(metric, _mean(context, run, metric)) for metric in OVERLAPS]
        rows.append([*cells, show_share(_mean(averages, run, "missing"))])
    spans = [
        ("", 1),
        ("context-dependent", 3),
        ("instruction", 3),
        ("overlap with the context", 3),
        ("", 1),
    ]
    columns = [
        "run",
        *["length", "empty", "at limit"] * 2,
        "words",
        "word pairs",
        "K-Precision",
        "no score",
    ]
    return Table("Form of the answers", columns, rows, spans)


def sampled(pools: Mapping[str, Mapping[str, Scores]]) -> Table:
    """What each pool holds by family: prompts, candidates, decidable share, mean total of all and
    of the winners.
    """
    rows = []
    for pool, families in pools.items():
        for family, scores in families.items():
            if not scores.prompts:
                continue
            rows.append(
                [
                    pool,
                    family,
                    f"{scores.prompts:,}",
                    f"{len(scores.candidates) + scores.missing:,}",
                    show_share(scores.missing / max(len(scores.candidates) + scores.missing, 1)),
                    show_share(scores.decidable / scores.prompts),
                    *[
                        f"{sum(v) / len(v):.2f}" if v else "–"
                        for v in (scores.candidates, scores.winners)
                    ],
                ]
            )
    columns = [
        "pool",
        "family",
        "prompts",
        "candidates",
        "no score",
        "decidable",
        "mean total",
        "winners' mean",
    ]
    return Table("What was sampled", columns, rows, labels=2)


def data(sets: Mapping[str, Row]) -> Table:
    """What was read, dropped and kept: a row a data set of `data_statistics.load`."""
    rows = []
    for name, row in sets.items():
        dropped = [f"{reason}:\u00a0{count:,}" for reason, count in row["dropped"].items() if count]
        rows.append(
            [
                name,
                "; ".join(dropped) or "–",
                *[f"{row[key]:,}" for key in ("read", "not_needed", "train", "dev", "eval")],
                *[
                    f"{row[key]:.1f}" if row[key] is not None else "–"
                    for key in ("prompt_words", "target_words")
                ],
                *[show_share(row[key]) for key in ("overlong_share", "cut_share")],
            ]
        )
    numbers = [
        "read",
        "not needed",
        "train",
        "dev",
        "eval",
        "prompt words",
        "target words",
        "over-long",
        "cut",
    ]
    columns = ["data set", "dropped, by reason", *numbers]
    return Table("What was filtered, and why", columns, rows, labels=2)


def legend(names: Sequence[str]) -> Table:
    """One line a run: what it starts from and is trained on."""
    rows = [[run, runs.LEGEND.get(run, "a run of your own")] for run in runs.ordered(names)]
    return Table("The runs", ["run", "what it is"], rows, labels=2)


def show(metric: str, value: float | None) -> str:
    """A value as the tables print it: instruction scores times ten, lengths with one decimal, `–`
    for none.
    """
    if value is None:
        return "–"
    return (
        f"{value:.1f}"
        if metric == "length"
        else f"{value * 10 if metric == 'instruction' else value:.2f}"
    )


def show_spread(metric: str, value: Spread | None) -> str:
    """Mean ± sd; the mean alone for one seed."""
    if value is None:
        return "–"
    return show(metric, value.mean) + (
        f" ± {show(metric, value.sd)}" if value.sd is not None else ""
    )


def show_difference(metric: str, value: float | None) -> str:
    """A signed difference in the scale of `show`."""
    if value is None:
        return "–"
    text = f"{value * 10:.2f}" if metric == "instruction" else f"{value:.3f}"
    return (
        "±" + text.lstrip("-")
        if not float(text)
        else text.replace("-", "−")
        if value < 0
        else "+" + text
    )


def show_interval(metric: str, between: tuple[float, float] | None) -> str:
    """The two ends of an interval of differences."""
    return "–" if between is None else " to ".join(show_difference(metric, end) for end in between)


def show_share(value: float | None) -> str:
    """A share as a percentage."""
    return "–" if value is None else f"{value:.1%}".replace("%", " %")


def reading(metric: str, between: tuple[float, float] | None) -> str:
    """What an interval, as printed, allows to say: `higher`, `lower`, or `not shown`: it holds 0,
    or is None.
    """
    signs = {show_difference(metric, end)[0] for end in between or ()}
    return "higher" if signs == {"+"} else "lower" if signs == {"−"} else "not shown"


def plain(table: Table) -> str:
    """The table for a terminal: aligned columns, numbers to the right, each span's name above its
    first column.
    """
    head = (
        [[name for name, width in table.spans for name in (name, *[""] * (width - 1))]]
        if table.spans
        else []
    )
    lines = [*head, list(table.columns), *table.rows]
    widths = [
        max(_width(line[i]) for line in lines[len(head) :]) for i in range(len(table.columns))
    ]
    place = 0
    for name, count in table.spans:
        place += count
        widths[place - 1] += max(
            0, _width(name) - sum(widths[place - count : place]) - 2 * (count - 1)
        )
    starts = [sum(widths[:i]) + 2 * i for i in range(len(widths))]
    shown = []
    for name_row in head:
        line = ""
        for start, name in zip(starts, name_row, strict=True):
            line = line.ljust(start) + name if name else line
        shown.append(line)
    for cells in lines[len(head) :]:
        pairs = [
            (
                cell + " " * (width - _width(cell))
                if i < table.labels
                else " " * (width - _width(cell)) + cell
            )
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        shown.append("  ".join(pairs).rstrip())
    shown.insert(len(head) + 1, "─" * (starts[-1] + widths[-1]))
    return "\n".join(shown) + "\n"


def markdown(table: Table) -> str:
    """The table in Markdown, with its notes as a list below."""
    groups = [name for name, width in table.spans for _ in range(width)] or [""] * len(
        table.columns
    )
    names = [
        f"{group}: {name}" if group else name
        for group, name in zip(groups, table.columns, strict=True)
    ]
    lines = [names, [":--" if i < table.labels else "--:" for i in range(len(names))], *table.rows]
    text = (
        "\n".join(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
        )
        + "\n"
    )
    return text + "".join(f"\n{note}\n" for note in table.notes)


def _columns(averages: Mapping[Key, BySeed]) -> list[tuple[str, str]]:
    return [(metric, group) for metric in ABILITIES for group in groups_of(averages, metric)]


def _mean(averages: Mapping[Key, BySeed], run: str, metric: str) -> float | None:
    value = spread(averages.get((run, metric, "overall"), {}))
    return value.mean if value else None


def _width(text: str) -> int:
    return sum(not unicodedata.combining(letter) for letter in text)

"""What the report's tables hold: from averages, intervals and counts to rows of text."""

from collections.abc import Mapping, Sequence

from reset.core.io import Row
from reset.core.tasks import FAMILIES, JUDGES
from reset.evaluation.metrics import OVERLAPS
from reset.report import runs
from reset.report.aggregate import (
    BySeed,
    Key,
    difference,
    groups_of,
    seed_order,
    spread,
    trained_seeds,
)
from reset.report.numbers import (
    NAMES,
    SHORT,
    reading,
    show,
    show_difference,
    show_interval,
    show_seed,
    show_share,
    show_spread,
)
from reset.report.selection_headroom import Scores
from reset.report.table import Table

ABILITIES = JUDGES  # as columns, from left to right
Comparison = tuple[str, str, str, str]  # run, other, metric, group
Intervals = Mapping[Comparison, tuple[float, float]]


def headline(averages: Mapping[Key, BySeed]) -> Table:
    """Run × instruction following, faithfulness and task performance: mean ± sd over seeds."""
    pairs = _columns(averages)
    rows = []
    for run in _runs(averages):
        cells = [run]
        for metric, group in pairs:
            cells.append(show_spread(metric, spread(averages.get((run, metric, group), {}))))
        rows.append(cells)
    spans = [("", 1)]
    for ability in ABILITIES:
        width = sum(metric == ability for metric, _ in pairs)
        spans += [(NAMES[ability], width)] if width else []
    return Table("Results", ["run", *[group for _, group in pairs]], rows, spans)


def by_seed(averages: Mapping[Key, BySeed]) -> Table:
    """The headline's values seed by seed: one row a run and seed, `–` for the seed of a start
    model.
    """
    pairs = _columns(averages)
    rows = []
    for run in _runs(averages):
        run_values = [averages.get((run, metric, group), {}) for metric, group in pairs]
        for seed in sorted(set().union(*run_values), key=seed_order):
            cells = [run, show_seed(seed)]
            for (metric, _), values in zip(pairs, run_values, strict=True):
                cells.append(show(metric, values.get(seed)))
            rows.append(cells)
    spans = [("", 2), *headline(averages).spans[1:]]
    columns = ["run", "seed", *[group for _, group in pairs]]
    return Table("Seed by seed", columns, rows, spans, labels=1)


def differences(averages: Mapping[Key, BySeed], intervals: Intervals) -> Table:
    """The study's comparisons, a row an ability and group: difference per seed, mean, interval and
    its reading.
    """
    seeds = trained_seeds(seed for values in averages.values() for seed in values)
    rows = []
    for key in comparisons(averages):
        run, other, metric, group = key
        gap = difference(averages, *key)
        if gap is None:
            continue
        ends = intervals.get(key)
        rows.append(
            [
                f"{run} − {other}",
                f"{SHORT[metric]}, {group}",
                show_difference(metric, gap.mean),
                show_interval(metric, ends),
                reading(metric, ends),
                *[show_difference(metric, gap.by_seed.get(seed)) for seed in seeds],
            ]
        )
    columns = ["difference", "ability", "mean", "95 % interval", "reading"]
    columns += [f"seed {seed}" for seed in seeds]
    return Table("Differences, seed by seed", columns, rows, labels=2)


def comparisons(averages: Mapping[Key, BySeed]) -> list[Comparison]:
    """`runs.COMPARISONS` with every group that each ability has in `averages`."""
    found = []
    for run, other, metrics in runs.COMPARISONS:
        for metric in metrics:
            found += [(run, other, metric, group) for group in groups_of(averages, metric)]
    return found


def sentences(averages: Mapping[Key, BySeed], intervals: Intervals) -> list[str]:
    """One sentence a comparison: each ability's difference over all its sets, the interval, and
    what may be said.
    """
    lines = []
    for run, other, metrics in runs.COMPARISONS:
        parts = []
        for metric in metrics:
            groups = groups_of(averages, metric)
            gap = difference(averages, run, other, metric, groups[-1]) if groups else None
            if gap is not None:
                ends = intervals.get((run, other, metric, groups[-1]))
                size = f"{show_difference(metric, gap.mean)} ({show_interval(metric, ends)})"
                parts.append(f"{SHORT[metric]} {size}, {reading(metric, ends)}")
        if parts:
            lines.append(f"{run} against {other}: {'; '.join(parts)}.")
    return lines


def by_dataset(results: Sequence[Row], metric: str) -> Table:
    """Run × data set for one ability, mean ± sd over seeds; below each set its measure and number
    of answers.
    """
    rows_by_dataset: dict[str, list[Row]] = {}
    values: dict[tuple[str, str], BySeed] = {}
    for row in results:
        if row["metric"] == metric:
            rows_by_dataset.setdefault(row["dataset"], []).append(row)
            by_seed = values.setdefault((row["run"], row["dataset"]), {})
            if row["value"] is not None:
                by_seed[row["seed"]] = row["value"]
    rows = []
    for run in runs.ordered(run for run, _ in values):
        spreads = [spread(values.get((run, dataset), {})) for dataset in rows_by_dataset]
        rows.append([run, *[show_spread(metric, value) for value in spreads]])
    facts = [_facts(dataset, measured) for dataset, measured in rows_by_dataset.items()]
    notes = [f"Measure, and scored answers a run and seed: {'; '.join(facts)}."] if facts else []
    return Table(f"{NAMES[metric]} by data set", ["run", *rows_by_dataset], rows, notes=notes)


def _facts(dataset: str, measured: Sequence[Row]) -> str:
    """Whether the set is seen, its measures, and how many answers have a score."""
    familiarity = "seen" if measured[0]["seen"] else "unseen"
    measures = ", ".join(sorted({row["measure"] for row in measured}))
    counts = sorted({row["n"] for row in measured})
    n = "–".join(str(count) for count in dict.fromkeys([counts[0], counts[-1]]))
    return f"{dataset} ({familiarity}, {measures}, n = {n})"


def form(averages: Mapping[Key, BySeed], kinds: Mapping[Key, BySeed]) -> Table:
    """Length and collapse of format, apart for the two families, and overlap with the context;
    `kinds` are averages over the sets of each of `runs.KINDS`.
    """
    rows = []
    for run in _runs(averages):
        cells = [run]
        for family in FAMILIES:
            cells.append(show("length", _mean(kinds, run, "length", family)))
            shares = [_mean(kinds, run, metric, family) for metric in ("empty", "at_limit")]
            cells += map(show_share, shares)
        cells += [show(metric, _mean(kinds, run, metric, "context")) for metric in OVERLAPS]
        rows.append([*cells, show_share(_mean(averages, run, "missing", "overall"))])
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
    """What each pool holds by family: prompts, candidates, the shares of prompts with a choice and
    of ties at the top, mean total of all candidates and of the winners.
    """
    rows = []
    for pool, families in pools.items():
        for family, scores in families.items():
            if not scores.prompts:
                continue
            count = len(scores.candidates) + scores.missing
            rows.append(
                [
                    pool,
                    family,
                    f"{scores.prompts:,}",
                    f"{count:,}",
                    show_share(scores.missing / max(count, 1)),
                    show_share(scores.with_choice / scores.prompts),
                    show_share(scores.tied / scores.prompts),
                    _show_mean(scores.candidates),
                    _show_mean(scores.winners),
                ]
            )
    columns = ["pool", "family", "prompts", "candidates", "no score", "with a choice"]
    columns += ["tied at the top", "mean total", "winners' mean"]
    return Table("What was sampled", columns, rows, labels=2)


def reset_share(
    pools: Mapping[str, Mapping[str, Scores]],
    mix_rows: int,
    curves: Mapping[str, Mapping[int, Sequence[Row]]],
) -> Table:
    """How large the ReSet sets are beside the multi-task step: rows, and steps by the training
    curves, with their shares of that step's. Means over seeds; `–` where a run has no curve.
    """
    mtl_steps = _last_step(curves.get("mtl", {}))
    rows = [["mtl", f"{mix_rows:,}", "–", _count(mtl_steps), "–"]]
    for pool, families in pools.items():
        steps = _last_step(curves.get(pool, {}))
        selected = sum(scores.selected / scores.seeds for scores in families.values())
        rows.append(
            [
                pool,
                _count(selected),
                show_share(selected / mix_rows if mix_rows else None),
                _count(steps),
                show_share(steps / mtl_steps if steps and mtl_steps else None),
            ]
        )
    columns = ["run", "rows", "rows of mtl's", "steps", "steps of mtl's"]
    return Table("The ReSet sets beside the multi-task step", columns, rows)


def _last_step(by_seed: Mapping[int, Sequence[Row]]) -> float | None:
    last = [curve[-1]["step"] for curve in by_seed.values() if curve]
    return sum(last) / len(last) if last else None


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _show_mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.2f}" if values else "–"


def data(sets: Mapping[str, Row]) -> Table:
    """What was read, dropped and kept: a row a data set of `data_statistics.load`."""
    rows = []
    for name, row in sets.items():
        dropped = [f"{reason}:\u00a0{count:,}" for reason, count in row["dropped"].items() if count]
        cells = [name, "; ".join(dropped) or "–"]
        cells += [f"{row[key]:,}" for key in ("read", "not_needed", "train", "dev", "eval")]
        for key in ("prompt_words", "target_words"):
            cells.append("–" if row[key] is None else f"{row[key]:.1f}")
        rows.append([*cells, show_share(row["overlong_share"]), show_share(row["cut_share"])])
    columns = ["data set", "dropped, by reason", "read", "not needed", "train", "dev", "eval"]
    columns += ["prompt words", "target words", "over-long", "cut"]
    return Table("What was filtered, and why", columns, rows, labels=2)


def legend(names: Sequence[str]) -> Table:
    """One line a run: what it starts from and is trained on."""
    rows = [[run, runs.LEGEND.get(run, "a run of your own")] for run in runs.ordered(names)]
    return Table("The runs", ["run", "what it is"], rows, labels=2)


def _runs(averages: Mapping[Key, BySeed]) -> list[str]:
    return runs.ordered(run for run, _, _ in averages)


def _columns(averages: Mapping[Key, BySeed]) -> list[tuple[str, str]]:
    return [(metric, group) for metric in ABILITIES for group in groups_of(averages, metric)]


def _mean(averages: Mapping[Key, BySeed], run: str, metric: str, group: str) -> float | None:
    value = spread(averages.get((run, metric, group), {}))
    return value.mean if value else None

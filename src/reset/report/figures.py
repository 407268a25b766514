"""The figures: each a small table, which `dvc plots` reads as CSV, and the same numbers drawn as
SVG.

A table of several pictures has a column `panel`, by which the templates in .dvc/plots part them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reset.core.io import Row
from reset.report import faithfulness_by_length as length_classes
from reset.report import runs
from reset.report import svg as drawing
from reset.report.aggregate import BySeed, Key, Spread, spread
from reset.report.selection_headroom import Scores, histogram

ROLES = {
    "base": 1,
    "chat": 1,
    "stage1": 2,
    "stage2": 2,
    "grounded": 2,
    "mtl": 3,
    "reset": 4,
    "reset_s": 4,
    "direct": 4,
}
CONTROLS = 5  # random, control, and runs of one's own
PAIRS = (("stage1", "stage2"), ("chat", "grounded"), ("mtl", "reset"))
BINS = 20
SCALED = {
    "instruction": 10,
    "faithfulness": 1,
    "task": 1,
}  # instruction scores are shown as ratings out of 10
SCALES = {"instruction": "IF (of 10)", "faithfulness": "faithfulness"}
NAMES = {"stage1": "CD", "stage2": "CD→IF", "grounded": "IF→CD"}
LENGTH = ("length", "overall")
TITLES = {
    "instruction": "Instruction following (of 10)",
    "faithfulness": "Faithfulness",
    "task": "Task performance",
}


@dataclass(frozen=True)
class Figure:
    """One figure: the file name of its table, the table, and the pictures with their captions."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Row]
    pictures: Sequence[tuple[str, str]]  # caption, SVG


def tradeoff(averages: Mapping[Key, BySeed]) -> Figure:
    """Faithfulness against instruction following, one point a run, arrows from each run to those
    that start from it.
    """
    columns = ("run", "instruction", "faithfulness", "instruction_sd", "faithfulness_sd")
    rows, points = [], []
    for run in runs.ordered(run for run, _, _ in averages):
        across, up = (_overall(averages, run, metric) for metric in ("instruction", "faithfulness"))
        if across is None or up is None:
            continue
        dx, dy = (value.sd or 0.0 for value in (across, up))
        told = (run, across.mean * 10, up.mean, None if across.sd is None else dx * 10, up.sd)
        rows.append(dict(zip(columns, told, strict=True)))
        points.append(
            drawing.Point(run, across.mean * 10, up.mean, ROLES.get(run, CONTROLS), dx * 10, dy)
        )
    arrows = [(start, run) for run, start in runs.START.items()]
    titles = ("instruction following (of 10)", "faithfulness")
    svg = drawing.scatter(
        points, arrows, *titles, "Faithfulness against instruction following, one point a run"
    )
    return Figure("tradeoff", columns, rows, [("", svg)])


def second_stage(averages: Mapping[Key, BySeed]) -> Figure:
    """Each ability before and after a second stage: CD→IF, IF→CD, and ReSet after multi-task
    training.
    """
    rows, pictures = [], []
    for metric, scale in SCALED.items():
        groups = []
        for before, after in PAIRS:
            values = [_overall(averages, run, metric) for run in (before, after)]
            if values[0] is None or values[1] is None:
                continue
            means = [value.mean * scale for value in values if value]
            groups.append(("", [(before, means[0], 1), (after, means[1], 4)]))
            rows += [
                {"panel": metric, "run": run, "when": when, "value": mean}
                for run, when, mean in zip((before, after), ("before", "after"), means, strict=True)
            ]
        if groups:
            pictures.append(
                (
                    TITLES[metric],
                    drawing.bars(groups, f"{TITLES[metric]} before and after a second stage"),
                )
            )
    return Figure("second_stage", ("panel", "run", "when", "value"), rows, pictures)


def length(context: Mapping[Key, BySeed], instruction: Mapping[Key, BySeed]) -> Figure:
    """Mean generated tokens by run, apart for context-dependent and instruction sets."""
    rows, pictures = [], []
    for family, averages in (("context", context), ("instruction", instruction)):
        bars = []
        for run in _runs(averages):
            value = _overall(averages, run, "length")
            if value is not None:
                rows.append({"panel": family, "run": run, "tokens": value.mean})
                bars.append((run, value.mean, ROLES.get(run, CONTROLS)))
        if bars:
            caption = "Context-dependent sets" if family == "context" else "Instruction sets"
            pictures.append(
                (caption, drawing.bars([("", bars)], f"Mean answer length in tokens: {caption}", 1))
            )
    return Figure("length", ("panel", "run", "tokens"), rows, pictures)


def length_through_training(
    context: Mapping[Key, BySeed], instruction: Mapping[Key, BySeed]
) -> Figure:
    """Mean generated tokens at the three checkpoints of each two-stage run, apart for the two
    families of sets.
    """
    panels = {}
    for caption, averages in (
        ("Context-dependent sets", context),
        ("Instruction sets", instruction),
    ):
        values = {
            run: by_seed
            for (run, metric, group), by_seed in averages.items()
            if (metric, group) == LENGTH
        }
        panels[caption] = ({run: spread(by_seed) for run, by_seed in values.items()}, None)
    return _through_training("length_through_training", panels, "mean answer length in tokens")


def checkpoints(results: Sequence[Row]) -> Figure:
    """Each data set's faithfulness, or instruction following, at the three checkpoints of each
    two-stage run.

    `results` are rows of `metrics.read`, those of the end checkpoints included.
    """
    values: dict[str, dict[str, BySeed]] = {}
    for row in results:
        if row["metric"] in ("instruction", "faithfulness") and row["value"] is not None:
            panel = f"{row['dataset']}: {SCALES[row['metric']]}"
            by_seed = values.setdefault(panel, {}).setdefault(row["run"], {})
            by_seed[row["seed"]] = row["value"] * SCALED[row["metric"]]
    panels = {
        panel: (
            {run: spread(by_seed) for run, by_seed in of_panel.items()},
            None if panel.endswith(SCALES["instruction"]) else (0, 1),
        )
        for panel, of_panel in values.items()
    }
    return _through_training(
        "checkpoints", panels, "at the start, the lowest evaluation loss and the end"
    )


def _through_training(
    name: str,
    panels: Mapping[str, tuple[Mapping[str, Spread | None], tuple[float, float] | None]],
    title: str,
) -> Figure:
    """One picture a panel: the values of the models at the checkpoints of each two-stage run, and
    the scale's ends (None: from 0 to the largest value).
    """
    rows, pictures = [], []
    for panel, (values, limits) in panels.items():
        series: list[tuple[str, list[Spread | None], int]] = []
        for run, models in runs.CHECKPOINTS.items():
            told = {when: values[model] for when, model in models.items() if values.get(model)}
            rows += [
                {
                    "panel": panel,
                    "run": run,
                    "checkpoint": when,
                    "value": value.mean,
                    "sd": value.sd,
                }
                for when, value in told.items()
                if value
            ]
            if told:
                series.append(
                    (NAMES[run], [told.get(when) for when in models], ROLES[run] + len(series))
                )
        if series:
            top = max(
                value.mean + (value.sd or 0) for _, of_run, _ in series for value in of_run if value
            )
            places = list(next(iter(runs.CHECKPOINTS.values())))
            drawn = drawing.checkpoints(
                series, places, limits or (0, top * 1.05 or 1), f"{panel}, {title}"
            )
            pictures.append((panel, drawn))
    return Figure(name, ("panel", "run", "checkpoint", "value", "sd"), rows, pictures)


def faithfulness_by_length(lengths: Mapping[str, Mapping[int, Sequence[float]]]) -> Figure:
    """Mean faithfulness of answers of like length, before and after each second stage; `lengths` as
    in Study.
    """
    rows, pictures = [], []
    for before, after in PAIRS:
        found = [
            (run, lengths[run], colour)
            for run, colour in ((before, 1), (after, 4))
            if run in lengths
        ]
        rows += [
            {
                "panel": run,
                "length": length_classes.name(number),
                "faithfulness": sum(scores) / len(scores),
                "answers": len(scores),
            }
            for run, classes, _ in found
            for number, scores in classes.items()
        ]
        groups = []
        for number in sorted({number for _, classes, _ in found for number in classes}):
            told = [
                (run, classes[number], colour)
                for run, classes, colour in found
                if number in classes
            ]
            counts = ", ".join(f"{len(scores):,} of {run}" for run, scores, _ in told)
            bars = [(run, sum(scores) / len(scores), colour) for run, scores, colour in told]
            groups.append((f"{length_classes.name(number)} tokens ({counts})", bars))
        if groups:
            pictures.append(
                (
                    "",
                    drawing.bars(
                        groups, f"Faithfulness by length of the answer: {before} and {after}"
                    ),
                )
            )
    return Figure(
        "faithfulness_by_length", ("panel", "length", "faithfulness", "answers"), rows, pictures
    )


def form(context: Mapping[Key, BySeed], instruction: Mapping[Key, BySeed]) -> Figure:
    """Shares of empty answers and of answers cut at the limit, by run and family (a table for `dvc
    plots` alone).
    """
    rows = []
    for family, averages in (("context", context), ("instruction", instruction)):
        for run in _runs(averages):
            empty, cut = (_overall(averages, run, metric) for metric in ("empty", "at_limit"))
            if empty and cut:
                rows.append({"panel": f"{family}: empty", "run": run, "share": empty.mean})
                rows.append({"panel": f"{family}: at limit", "run": run, "share": cut.mean})
    return Figure("form", ("panel", "run", "share"), rows, [])


def scores(pools: Mapping[str, Mapping[str, Scores]]) -> Figure:
    """How total scores lie in each pool and family: all candidates, and the winners."""
    rows, pictures = [], []
    for pool, families in pools.items():
        for family, found in families.items():
            if not found.candidates:
                continue
            caption = (
                f"{pool}, {'context-dependent' if family == 'context' else 'instruction'} prompts"
            )
            low, high = min(0.0, min(found.candidates)), max(1.0, max(found.candidates))
            edges = [low + (high - low) * place / BINS for place in range(BINS + 1)]
            shares = {
                kind: histogram(getattr(found, kind), edges) for kind in ("candidates", "winners")
            }
            for kind, of_bins in shares.items():
                rows += [
                    {"panel": caption, "kind": kind, "score": edge, "share": share}
                    for edge, share in zip(edges, of_bins, strict=False)
                ]
            series = [
                ("all candidates", shares["candidates"], 1),
                ("winners", shares["winners"], 4),
            ]
            pictures.append(
                (
                    caption,
                    drawing.histogram(edges, series, "total score", f"Score histogram: {caption}"),
                )
            )
    return Figure("scores", ("panel", "kind", "score", "share"), rows, pictures)


def training(curves: Mapping[str, Mapping[int, Sequence[Row]]]) -> Figure:
    """Training and evaluation loss by step; `curves` maps run and seed to rows of step, loss and
    eval_loss.
    """
    columns = ("panel", "seed", "step", "loss", "eval_loss")
    rows, pictures = [], []
    for run in runs.ordered(curves):
        series = []
        for seed, steps in sorted(curves[run].items()):
            rows += [
                {"panel": run, "seed": seed, **{key: step[key] for key in columns[2:]}}
                for step in steps
            ]
            for name, key, colour in (("loss", "loss", 1), ("evaluation loss", "eval_loss", 3)):
                points = [(step["step"], step[key]) for step in steps if step[key] is not None]
                if points:
                    series.append((name, points, colour))
        if series:
            pictures.append((run, drawing.lines(series, "step", f"Loss of {run} by step")))
    return Figure("training", columns, rows, pictures)


def _runs(averages: Mapping[Key, BySeed]) -> list[str]:
    """The runs of the study: the end checkpoints have figures of their own."""
    return [run for run in runs.ordered(run for run, _, _ in averages) if run not in runs.ENDS]


def _overall(averages: Mapping[Key, BySeed], run: str, metric: str) -> Spread | None:
    return spread(averages.get((run, metric, "overall"), {}))

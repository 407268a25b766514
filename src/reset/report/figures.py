"""The figures: each a small table, which `dvc plots` reads as CSV, and how it is drawn.

A table of several panels has a column `panel`, by which the specifications in assets/plots part
them. Figures that the paper has are titled by its numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from reset.core.io import Row
from reset.report import charts, point_labels, reference_length, runs
from reset.report.aggregate import BySeed, Key, Spread, spread
from reset.report.reference_length import ByLength
from reset.report.selection_headroom import Scores, histogram

ROLES = {
    "base": "start model",
    "chat": "start model",
    "stage1": "fine-tuned",
    "stage2": "fine-tuned",
    "grounded": "fine-tuned",
    "mtl": "multi-task",
    "reset": "ReSet",
    "reset_s": "ReSet",
    "direct": "ReSet",
}
OTHER_ROLE = "control"  # random, control, and runs of one's own
STAGES = {  # what a second stage follows: run before, run after
    "CD→IF": ("stage1", "stage2"),
    "IF→CD": ("chat", "grounded"),
    "ReSet": ("mtl", "reset"),
}
ABILITIES = {  # metric: its name and its scale; instruction scores are shown as ratings out of 10
    "faithfulness": ("faithfulness", 1),
    "instruction": ("IF (of 10)", 10),
    "task": ("task performance", 1),
}
BINS = 20
BARS = ("panel", "run", "role", "value")


@dataclass(frozen=True)
class Figure:
    """One figure: the name of its files, its title, the specification in assets/plots, the columns
    and labels of its axes, and its table.
    """

    name: str
    title: str
    template: str
    x: str
    y: str
    columns: Sequence[str]
    rows: Sequence[Row]
    x_label: str = ""
    y_label: str = ""

    @property
    def declared(self) -> Row:
        """What dvc.yaml declares below `plots`: the labels only where the axes show some."""
        labels = {"x_label": self.x_label, "y_label": self.y_label}
        return {
            "title": self.title,
            "template": self.template,
            "x": self.x,
            "y": {f"report/plots/{self.name}.csv": self.y},
            **{name: label for name, label in labels.items() if label},
        }

    @cached_property
    def specification(self) -> Row:
        """The whole figure in Vega-Lite."""
        return charts.fill(self.declared, self.rows)

    def pictures(self) -> list[str]:
        """An SVG for each panel, none for an empty table."""
        return [
            charts.svg(spec, f"{self.title}: {panel}" if panel else self.title)
            for panel, spec in charts.panels(self.specification)
        ]


def tradeoff(averages: Mapping[Key, BySeed]) -> Figure:
    """Faithfulness against instruction following, one point a run, arrows from each run to those
    that start from it.
    """
    places: dict[str, tuple[Spread, Spread]] = {}
    for run in runs.ordered(run for run, _, _ in averages):
        instruction = _overall(averages, run, "instruction")
        faithfulness = _overall(averages, run, "faithfulness")
        if instruction and faithfulness:
            places[run] = (instruction, faithfulness)
    labels = _point_labels(places)
    rows = []
    for run, (instruction, faithfulness) in places.items():
        start_instruction, start_faithfulness = places.get(runs.START.get(run, ""), (None, None))
        rows.append(
            {
                "run": run,
                "role": ROLES.get(run, OTHER_ROLE),
                "instruction": 10 * instruction.mean,
                "faithfulness": faithfulness.mean,
                "instruction_sd": _scaled(instruction.sd, 10),
                "faithfulness_sd": faithfulness.sd,
                "start_instruction": start_instruction and 10 * start_instruction.mean,
                "start_faithfulness": start_faithfulness and start_faithfulness.mean,
                **labels[run],
            }
        )
    return Figure(
        "tradeoff",
        "As the paper's figure 1: faithfulness against instruction following, one point a run",
        "points",
        "instruction",
        "faithfulness",
        (
            "run", "role", "instruction", "faithfulness", "instruction_sd", "faithfulness_sd",
            "start_instruction", "start_faithfulness", "label_dx", "label_dy", "label_align",
        ),
        rows,
        "instruction following (of 10)",
        "faithfulness",
    )  # fmt: skip


def _point_labels(places: Mapping[str, tuple[Spread, Spread]]) -> dict[str, Row]:
    if not places:
        return {}
    arrows = [(start, run) for run, start in runs.START.items()]
    xs, ys, means = [], [], {}
    for run, (x, y) in places.items():
        xs += [x.mean - (x.sd or 0), x.mean + (x.sd or 0)]
        ys += [y.mean - (y.sd or 0), y.mean + (y.sd or 0)]
        means[run] = (x.mean, y.mean)
    return point_labels.place(means, arrows, xs, ys)


def second_stage(averages: Mapping[Key, BySeed]) -> Figure:
    """Each ability before and after a second stage: CD→IF, IF→CD, and ReSet after multi-task
    training.
    """
    rows = []
    for stage, pair in STAGES.items():
        for metric, (ability, scale) in ABILITIES.items():
            values = {run: _overall(averages, run, metric) for run in pair}
            if not all(values.values()):
                continue
            for run, value in values.items():
                panel = f"{stage}: {ability}"
                mean = value.mean * scale if value else None
                rows.append({"panel": panel, "run": run, "role": ROLES[run], "value": mean})
    title = "As the paper's figures 3 and 6: before and after a second stage"
    return Figure("second_stage", title, "bars", "value", "run", BARS, rows)


def scores_by_length(judge: str, by_length: ByLength) -> Figure:
    """Mean `faithfulness` (figure 5) or `instruction` score (figure 7) of the runs before and after
    each second stage, by the length of the answer beside its reference; see `reference_length`.
    """
    ability, scale = ABILITIES[judge]
    shown = [run for pair in STAGES.values() for run in pair]
    rows = []
    for length in reference_length.CLASSES:
        for run in shown:
            scores = by_length.get(length, {}).get(run)
            if scores:
                mean = scale * sum(scores) / len(scores)
                cells = (length, run, ROLES[run], mean, len(scores))
                rows.append(dict(zip((*BARS, "n"), cells, strict=True)))
    number = {"faithfulness": 5, "instruction": 7}[judge]
    sets = {"faithfulness": "of abstractive sets", "instruction": "of instruction sets"}[judge]
    title = f"As the paper's figure {number}: {ability} {sets} by length of the answer"
    return Figure(f"{judge}_by_length", title, "bars", "value", "run", (*BARS, "n"), rows)


def length(context: Mapping[Key, BySeed], instruction: Mapping[Key, BySeed]) -> Figure:
    """Mean generated tokens by run, apart for context-dependent and instruction sets."""
    rows = []
    families = {"Context-dependent sets": context, "Instruction sets": instruction}
    for panel, averages in families.items():
        rows += _bars(panel, averages, "length")
    title = "Mean answer length in tokens"
    return Figure("length", title, "bars", "value", "run", BARS, rows)


def form(context: Mapping[Key, BySeed], instruction: Mapping[Key, BySeed]) -> Figure:
    """Shares of empty answers and of answers cut at the limit, by run and family (for `dvc plots`
    alone: the page has a table).
    """
    rows = []
    for family, averages in (("context", context), ("instruction", instruction)):
        rows += _bars(f"{family}: empty", averages, "empty")
        rows += _bars(f"{family}: at limit", averages, "at_limit")
    title = "Shares of empty answers, and of answers cut at the limit"
    return Figure("form", title, "bars", "value", "run", BARS, rows)


def scores(pools: Mapping[str, Mapping[str, Scores]]) -> Figure:
    """How total scores lie in each pool and family: all candidates, and the winners."""
    rows = []
    for pool, families in pools.items():
        for family, found in families.items():
            if found.candidates:
                name = "context-dependent" if family == "context" else "instruction"
                rows += _histograms(f"{pool}, {name} prompts", found)
    return Figure(
        "scores",
        "Scores of all candidates and of the winners",
        "steps",
        "score",
        "share",
        ("panel", "kind", "score", "share"),
        rows,
        "total score",
        "share",
    )


def _histograms(panel: str, found: Scores) -> list[Row]:
    """Shares of BINS bins from their left edges, and 0 at the right end, of both kinds."""
    low, high = min(0.0, min(found.candidates)), max(1.0, max(found.candidates))
    edges = [low + (high - low) * place / BINS for place in range(BINS + 1)]
    kinds = {"all candidates": found.candidates, "winners": found.winners}
    rows = []
    for kind, values in kinds.items():
        shares = [*histogram(values, edges), 0.0]
        for edge, share in zip(edges, shares, strict=True):
            rows.append({"panel": panel, "kind": kind, "score": edge, "share": share})
    return rows


def training(curves: Mapping[str, Mapping[int, Sequence[Row]]]) -> Figure:
    """Training and evaluation loss by step; `curves` maps run and seed to rows of step, loss and
    eval_loss.
    """
    kinds = {"training loss": "loss", "evaluation loss": "eval_loss"}
    rows = []
    for run in runs.ordered(curves):
        for seed, steps in sorted(curves[run].items()):
            for kind, column in kinds.items():
                shared = {"panel": run, "seed": seed, "kind": kind}
                rows += [
                    shared | {"step": step["step"], "value": step[column]}
                    for step in steps
                    if step[column] is not None
                ]
    return Figure(
        "training",
        "Training and evaluation loss",
        "curves",
        "step",
        "value",
        ("panel", "seed", "kind", "step", "value"),
        rows,
        "step",
        "loss",
    )


def _bars(panel: str, averages: Mapping[Key, BySeed], metric: str) -> list[Row]:
    """A bar for each run with a value; the end checkpoints have figures of their own."""
    rows = []
    for run in runs.ordered(run for run, _, _ in averages):
        value = _overall(averages, run, metric)
        if value is not None and run not in runs.ENDS:
            role = ROLES.get(run, OTHER_ROLE)
            rows.append({"panel": panel, "run": run, "role": role, "value": value.mean})
    return rows


def _overall(averages: Mapping[Key, BySeed], run: str, metric: str) -> Spread | None:
    return spread(averages.get((run, metric, "overall"), {}))


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale

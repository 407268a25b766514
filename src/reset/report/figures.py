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
from reset.report.numbers import SCALE
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
ABILITIES = {
    "faithfulness": "faithfulness",
    "instruction": "IF (of 10)",
    "task": "task performance",
}
FAMILIES = {"context": "Context-dependent sets", "instruction": "Instruction sets"}
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
        instruction = spread(averages.get((run, "instruction", "overall"), {}))
        faithfulness = spread(averages.get((run, "faithfulness", "overall"), {}))
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
                "instruction_sd": None if instruction.sd is None else 10 * instruction.sd,
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
        for metric, ability in ABILITIES.items():
            bars = _bars(f"{stage}: {ability}", averages, metric, "overall", pair)
            rows += bars if len(bars) == 2 else []
    title = "As the paper's figures 3 and 6: before and after a second stage"
    return _bar_chart("second_stage", title, rows)


def scores_by_length(judge: str, by_length: ByLength) -> Figure:
    """Mean `faithfulness` (figure 5) or `instruction` score (figure 7) of the runs before and after
    each second stage, by the length of the answer beside its reference; see `reference_length`.
    """
    pairs = [run for pair in STAGES.values() for run in pair]
    rows = []
    for length in reference_length.CLASSES:
        for run in pairs:
            scores = by_length.get(length, {}).get(run)
            if scores:
                mean = SCALE.get(judge, 1) * sum(scores) / len(scores)
                rows.append(_bar(length, run, mean) | {"n": len(scores)})
    number, sets = {"faithfulness": (5, "abstractive"), "instruction": (7, "instruction")}[judge]
    shown = f"{ABILITIES[judge]} of {sets} sets by length of the answer"
    title = f"As the paper's figure {number}: {shown}"
    return _bar_chart(f"{judge}_by_length", title, rows, (*BARS, "n"))


def length(kinds: Mapping[Key, BySeed]) -> Figure:
    """Mean generated tokens by run, apart for context-dependent and instruction sets; `kinds` are
    averages over the sets of each of `runs.KINDS`.
    """
    rows = []
    for family, panel in FAMILIES.items():
        rows += _bars(panel, kinds, "length", family)
    return _bar_chart("length", "Mean answer length in tokens", rows)


def form(kinds: Mapping[Key, BySeed]) -> Figure:
    """Shares of empty answers and of answers cut at the limit, by run and family."""
    rows = []
    for family in FAMILIES:
        rows += _bars(f"{family}: empty", kinds, "empty", family)
        rows += _bars(f"{family}: at limit", kinds, "at_limit", family)
    title = "Shares of empty answers, and of answers cut at the limit"
    return _bar_chart("form", title, rows)


def scores(pools: Mapping[str, Mapping[str, Scores]]) -> Figure:
    """How total scores lie in each pool and family: all candidates, and the winners."""
    rows = []
    for pool, families in pools.items():
        for family, found in families.items():
            if found.candidates:
                name = "context-dependent" if family == "context" else "instruction"
                rows += _histograms(f"{pool}, {name} prompts", found)
    title = "Scores of all candidates and of the winners"
    columns = ("panel", "kind", "score", "share")
    return Figure("scores", title, "steps", "score", "share", columns, rows, "total score", "share")


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
    title = "Training and evaluation loss"
    columns = ("panel", "seed", "kind", "step", "value")
    return Figure("training", title, "curves", "step", "value", columns, rows, "step", "loss")


def _bars(
    panel: str,
    averages: Mapping[Key, BySeed],
    metric: str,
    group: str,
    among: Sequence[str] | None = None,
) -> list[Row]:
    """A bar for each run (of `among`) with a value; end checkpoints have figures of their own."""
    rows = []
    for run in among or runs.ordered(run for run, _, _ in averages):
        value = spread(averages.get((run, metric, group), {}))
        if value is not None and run not in runs.ENDS:
            rows.append(_bar(panel, run, value.mean * SCALE.get(metric, 1)))
    return rows


def _bar(panel: str, run: str, value: float) -> Row:
    return {"panel": panel, "run": run, "role": ROLES.get(run, OTHER_ROLE), "value": value}


def _bar_chart(name: str, title: str, rows: Sequence[Row], columns: Sequence[str] = BARS) -> Figure:
    return Figure(name, title, "bars", "value", "run", columns, rows)

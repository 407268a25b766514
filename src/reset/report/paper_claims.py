"""Paper and ours: what the paper states, and what this study shows of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from reset.report.aggregate import BySeed, Key, difference, groups_of, spread
from reset.report.numbers import SHORT, show, show_difference, show_interval
from reset.report.table import Table
from reset.report.tables import Comparison, Intervals

Counts = Mapping[Comparison, tuple[int, int]]  # prompts, seeds
# What the interval of run − other has to be for `shown`. The last two allow a MARGIN.
Expected = Literal["higher", "lower", "not lower", "not higher"]
# A difference that no reader would act on: 0.3 of IF's ten points, 0.03 of the shares. Our choice,
# a hundredth of the scale three times; the paper states no margin.
MARGIN = 0.03


@dataclass(frozen=True)
class Statement:
    """What is stated, in our words, of which comparison of `runs.COMPARISONS`, and what is expected
    of it. `apart`: on seen and on unseen sets, not on all together.
    """

    says: str
    run: str
    other: str
    metrics: tuple[str, ...]
    expected: Expected
    apart: bool = False


GROUNDED_LOSES = "Tuned on instructions, a grounded model gets less faithful (CD→IF)."
CHAT_LOSES = "Tuned on context-dependent data, a chat model follows instructions worse (IF→CD)."
MTL_LIFTS = (
    "Multi-task training follows instructions better than tuning on context-dependent data alone"
    " (paper: 0.49 → 0.75)."
)
UPPER_BOUND = (
    "Tuning on context-dependent data alone is a potential upper bound of faithfulness: multi-task"
    " training is not above it."
)
BETTER = (
    "ReSet after multi-task training is better than multi-task training, on seen and unseen sets."
)
MTL_FIRST = "ReSet without multi-task training first is worse than after it."
LESS = "ReSet-S, on less data, is similar to ReSet or better."
CONTROL = (
    "Our control, not in the paper: the gain comes from selecting the best sample, not from"
    " further training."
)
BOTH = ("instruction", "faithfulness")
ALL = (*BOTH, "task")
STATEMENTS = (
    Statement(GROUNDED_LOSES, "stage2", "stage1", ("faithfulness",), "lower"),
    Statement(CHAT_LOSES, "grounded", "chat", ("instruction",), "lower"),
    Statement(MTL_LIFTS, "mtl", "grounded", ("instruction",), "higher"),
    Statement(UPPER_BOUND, "mtl", "grounded", ("faithfulness",), "not higher"),
    Statement(BETTER, "reset", "mtl", ALL, "higher", apart=True),
    Statement(MTL_FIRST, "reset", "direct", ALL, "higher"),
    Statement(LESS, "reset_s", "reset", ALL, "not lower"),
    Statement(CONTROL, "reset", "random", ALL, "higher"),
)
# the end of the first stage against its best checkpoint, by kind of data sets: what the paper says
DRIFT: dict[Comparison, str] = {
    ("stage1_end", "stage1", "faithfulness", "extractive"): "falls slowly",
    ("stage1_end", "stage1", "task", "extractive"): "rises",
    ("stage1_end", "stage1", "faithfulness", "abstractive"): "no such fall",
    ("stage1_end", "stage1", "task", "abstractive"): "–",
}


def table(averages: Mapping[Key, BySeed], intervals: Intervals, counts: Counts) -> Table:
    """A row a statement, ability and group whose runs are there: over all data sets that measure
    the ability, or over seen and unseen ones apart.
    """
    rows = []
    for statement in STATEMENTS:
        for key in _compared(averages, statement):
            gap = difference(averages, *key)
            if gap is None:
                continue
            run, other, metric, group = key
            where = f", {group}" if statement.apart else ""
            rows.append(
                [
                    statement.says,
                    f"{run} − {other}, {SHORT[metric]}{where}",
                    path(averages, (other, run), metric, group),
                    show_difference(metric, gap.mean),
                    show(metric, gap.sd),
                    show_interval(metric, intervals.get(key)),
                    _size(counts.get(key)),
                    statement.expected,
                    verdict(statement.expected, intervals.get(key)),
                ]
            )
    columns = ["what is stated", "here", "from → to", "mean", "sd over seeds"]
    columns += ["95 % interval", "n", "expected", "reading"]
    return Table("Paper and ours", columns, rows, labels=2)


def _compared(averages: Mapping[Key, BySeed], statement: Statement) -> list[Comparison]:
    found = []
    for metric in statement.metrics:
        groups = groups_of(averages, metric)
        apart = tuple(group for group in groups if group != "overall")
        shown = apart if statement.apart else groups[-1:]
        found += [(statement.run, statement.other, metric, group) for group in shown]
    return found


def verdict(expected: Expected, ends: tuple[float, float] | None) -> str:
    """`shown` where the whole interval, as printed, lies where it is expected, `opposite` where it
    lies on the other side, else `not shown`; `–` without an interval.

    higher and lower: above or below 0. `not lower` is the reading of a non-inferiority test: above
    −MARGIN; its opposite is below −MARGIN. `not higher` is the same, mirrored.
    """
    if ends is None:
        return "–"
    low, high = (round(end, 3) for end in ends)  # as printed: a hundredth of IF, 0.001 of a share
    if expected in ("lower", "not higher"):
        low, high = -high, -low
    border = -MARGIN if expected.startswith("not") else 0
    if low > border:
        return "shown"
    return "opposite" if high < border else "not shown"


def drift(averages: Mapping[Key, BySeed], intervals: Intervals, counts: Counts) -> Table:
    """The first stage at its start, its best checkpoint and its end, by kind of data sets:
    `averages` has the kinds of `runs.KINDS` as groups. No rows where the end is missing.
    """
    rows = []
    for key, says in DRIFT.items():
        _, _, metric, kind = key
        gap = difference(averages, *key)
        if gap is None:
            continue
        rows.append(
            [
                f"{kind}, {SHORT[metric]}",
                says,
                path(averages, ("base", "stage1", "stage1_end"), metric, kind),
                show_difference(metric, gap.mean),
                show_interval(metric, intervals.get(key)),
                _size(counts.get(key)),
            ]
        )
    columns = ["sets, ability", "the paper", "start → best → end", "end − best"]
    return Table("Drift of the first stage", [*columns, "95 % interval", "n"], rows, labels=2)


def _size(count: tuple[int, int] | None) -> str:
    return "–" if count is None else f"{count[0]:,} × {count[1]}"


def path(averages: Mapping[Key, BySeed], names: tuple[str, ...], metric: str, group: str) -> str:
    """The means of runs, one after the other."""
    means = [spread(averages.get((run, metric, group), {})) for run in names]
    return " → ".join(show(metric, value.mean if value else None) for value in means)

"""Paper and ours: what the paper's text states, and what this study shows of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from reset.report.aggregate import BySeed, Key, difference, groups_of, spread
from reset.report.tables import (
    SHORT,
    Intervals,
    Table,
    reading,
    show,
    show_difference,
    show_interval,
)

Counts = Mapping[
    tuple[str, str, str, str], tuple[int, int]
]  # run, other, metric, group: prompts, seeds


@dataclass(frozen=True)
class Statement:
    """What is stated, in our words; which comparison of `runs.COMPARISONS` it is about; which way
    it should go.
    """

    says: str
    run: str
    other: str
    metric: str
    expected: str  # higher | lower, as `tables.reading` says it


GROUNDED_LOSES = "Tuned on instructions, a grounded model gets less faithful (CD→IF)."
CHAT_LOSES = "Tuned on context-dependent data, a chat model follows instructions worse (IF→CD)."
BETTER = "ReSet is better than multi-task training at both abilities."
LESS = "Less is more: ReSet-S, on fewer prompts with more samples each, is better than ReSet."
CONTROL = (
    "Our control, not in the paper: the gain comes of selecting the best sample, not of"
    " training on."
)
STATEMENTS = (
    Statement(GROUNDED_LOSES, "stage2", "stage1", "faithfulness", "lower"),
    Statement(CHAT_LOSES, "grounded", "chat", "instruction", "lower"),
    *[
        Statement(BETTER, "reset", "mtl", metric, "higher")
        for metric in ("instruction", "faithfulness")
    ],
    *[
        Statement(LESS, "reset_s", "reset", metric, "higher")
        for metric in ("instruction", "faithfulness")
    ],
    *[
        Statement(CONTROL, "reset", "random", metric, "higher")
        for metric in ("instruction", "faithfulness")
    ],
)
RISE = (  # faithfulness in the paper's text; the pair of runs behind it is not known to us
    "0.49 → 0.75"
)
RISES = (("chat", "grounded"), ("mtl", "reset"), ("mtl", "reset_s"))


def table(averages: Mapping[Key, BySeed], intervals: Intervals, counts: Counts) -> Table:
    """A row a statement and ability whose runs are there, over all data sets that measure the
    ability.
    """
    rows = []
    for told in STATEMENTS:
        for group in groups_of(averages, told.metric)[-1:]:
            gap = difference(averages, told.run, told.other, told.metric, group)
            if gap is None:
                continue
            key = (told.run, told.other, told.metric, group)
            prompts, seeds = counts.get(key, (0, 0))
            rows.append(
                [
                    told.says,
                    f"{told.run} − {told.other}, {SHORT[told.metric]}",
                    _change(averages, told.other, told.run, told.metric, group),
                    show_difference(told.metric, gap.mean),
                    show(told.metric, gap.sd),
                    show_interval(told.metric, intervals.get(key)),
                    f"{prompts:,} × {seeds}",
                    verdict(told, intervals.get(key)),
                ]
            )
    columns = [
        "the paper says",
        "here",
        "from → to",
        "mean",
        "sd over seeds",
        "95 % interval",
        "n",
        "reading",
    ]
    return Table("Paper and ours", columns, rows, labels=2)


def verdict(told: Statement, between: tuple[float, float] | None) -> str:
    """`shown` or `opposite` where the interval excludes 0, else `not shown`."""
    found = reading(told.metric, between)
    return found if found == "not shown" else "shown" if found == told.expected else "opposite"


def rises(averages: Mapping[Key, BySeed]) -> str:
    """The paper's numbers for a rise in faithfulness, and the rises that this study has."""
    group = groups_of(averages, "faithfulness")[-1:]
    ours = [
        f"{run} after {other}: {_change(averages, other, run, 'faithfulness', group[0])}"
        for other, run in RISES
        if group and difference(averages, run, other, "faithfulness", group[0])
    ]
    return (
        f"The paper's text also gives a rise in faithfulness, {RISE}. We do not know between which"
        " of its runs, so the rises of this study stand beside it:"
        f" {'; '.join(ours) or 'none measured'}. Models, data and judges differ: directions"
        " compare, sizes do not."
    )


def _change(
    averages: Mapping[Key, BySeed], before: str, after: str, metric: str, group: str
) -> str:
    means = [spread(averages.get((run, metric, group), {})) for run in (before, after)]
    return " → ".join(show(metric, value.mean if value else None) for value in means)

"""Numbers as the report prints them: each ability's name and scale, spreads, differences and what
an interval allows to say.
"""

from reset.report.aggregate import Seed, Spread

NAMES = {
    "instruction": "IF (of 10)",
    "faithfulness": "Faithfulness",
    "task": "Task",
    "constraints": "Constraints met",
}
SHORT = {"instruction": "IF", "faithfulness": "faithfulness", "task": "task"}
SCALE = {"instruction": 10}  # what files hold from 0 to 1 is printed of 10


def show(metric: str, value: float | None) -> str:
    """A value as the tables print it: instruction scores times ten, lengths with one decimal, `–`
    for none.
    """
    if value is None:
        return "–"
    if metric == "length":
        return f"{value:.1f}"
    return f"{value * SCALE.get(metric, 1):.2f}"


def show_spread(metric: str, value: Spread | None) -> str:
    """Mean ± sd; the mean alone for one seed and for a start model."""
    if value is None:
        return "–"
    mean = show(metric, value.mean)
    return mean if value.sd is None else f"{mean} ± {show(metric, value.sd)}"


def show_difference(metric: str, value: float | None) -> str:
    """A signed difference in the scale of `show`."""
    if value is None:
        return "–"
    text = f"{value * 10:.2f}" if metric == "instruction" else f"{value:.3f}"
    if not float(text):
        return "±" + text.lstrip("-")
    return text.replace("-", "−") if value < 0 else "+" + text


def show_interval(metric: str, between: tuple[float, float] | None) -> str:
    """The two ends of an interval of differences."""
    return "–" if between is None else " to ".join(show_difference(metric, end) for end in between)


def show_share(value: float | None) -> str:
    """A share as a percentage."""
    return "–" if value is None else f"{value:.1%}".replace("%", " %")


def reading(metric: str, between: tuple[float, float] | None) -> str:
    """What an interval, as printed, allows to say: `higher`, `lower`, or `not shown` where it holds
    0; `–` without an interval.
    """
    if between is None:
        return "–"
    low_sign, high_sign = (show_difference(metric, end)[0] for end in between)
    readings = {"++": "higher", "−−": "lower"}
    return readings.get(low_sign + high_sign, "not shown")


def significant(value: float, digits: int) -> str:
    """A number to so many digits, whole from there on: 11,873, never 1.187e+04."""
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def show_seed(seed: Seed) -> str:
    """A seed, or `–` for a start model, which has none."""
    return "–" if seed is None else str(seed)

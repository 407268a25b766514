"""Charts as SVG text: small, sharp, readable without a script, and coloured by the page's style
sheet.

Every function returns one `<svg>` element. Sizes are in view-box units; classes (`c1` … `c5` for
colours, `grid`, `axis`) are defined in report/assets/figures.css, which follows the reader's light
or dark theme.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from reset.report.aggregate import Spread

FONT = 12  # matches figures.css
LETTER = 6.6  # mean width of a letter at that size


@dataclass(frozen=True)
class Point:
    """One labelled point of a scatter; `dx` and `dy` are half the lengths of its error bars (0 for
    none).

    `quiet` points show their label only under the mouse.
    """

    label: str
    x: float
    y: float
    colour: int
    dx: float = 0.0
    dy: float = 0.0
    quiet: bool = False


@dataclass(frozen=True)
class Axis:
    """A linear scale from `low` … `high` in the data to `start` … `end` on the page, with round
    ticks.
    """

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        step = _round_step((self.high - self.low) / count)
        first = math.ceil(self.low / step - 1e-9)
        return [round(n * step, 10) for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def axis(
    values: Sequence[float], start: float, end: float, *, zero: bool = False, pad: float = 0.08
) -> Axis:
    """A scale that holds all values with some room; from zero where lengths are compared."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return Axis(0.0 if zero else low - 1, (high if zero and high else high + 1), start, end)
    room = (high - low) * pad
    return Axis(low if zero and low == 0 else low - room, high + room, start, end)


def scatter(
    points: Sequence[Point],
    arrows: Sequence[tuple[str, str]],
    x_title: str,
    y_title: str,
    title: str,
) -> str:
    """Labelled points with error bars, and arrows between them by label."""
    width, height = 430, 360
    xs = [p.x + side * p.dx for p in points for side in (-1, 1)]
    ys = [p.y + side * p.dy for p in points for side in (-1, 1)]
    across, up = axis(xs, 52, width - 8), axis(ys, height - 46, 12)
    parts = [_frame(across, up, x_title, y_title)]
    place = {p.label: (across.at(p.x), up.at(p.y)) for p in points}
    parts += [_arrow(place[a], place[b]) for a, b in arrows if a in place and b in place]
    for p in points:
        x, y = place[p.label]
        if p.dx or p.dy:
            parts.append(
                _line(across.at(p.x - p.dx), y, across.at(p.x + p.dx), y, f"bar s{p.colour}")
            )
            parts.append(_line(x, up.at(p.y - p.dy), x, up.at(p.y + p.dy), f"bar s{p.colour}"))
        parts.append(
            f'<circle class="c{p.colour}" cx="{_n(x)}" cy="{_n(y)}" r="5.5">'
            f"<title>{escape(p.label)}: {_tick(p.x)}, {_tick(p.y)}</title></circle>"
        )
    loud = [p for p in points if not p.quiet]
    for p, (x, y, anchor) in zip(
        loud, _labels([(p.label, *place[p.label]) for p in loud], width), strict=True
    ):
        parts.append(_text(x, y, p.label, f"label {anchor}"))
    return _svg(width, height, parts, title)


def bars(
    groups: Sequence[tuple[str, Sequence[tuple[str, float, int]]]], title: str, decimals: int = 2
) -> str:
    """Horizontal bars in groups: (group name, [(bar name, value, colour)]); the value stands behind
    each bar.
    """
    width, thick, gap = 340, 17, 10
    names = [name for _, members in groups for name, _, _ in members]
    left = 16 + LETTER * max((len(name) for name in names), default=4)
    across = axis(
        [value for _, members in groups for _, value, _ in members],
        left,
        width - 52,
        zero=True,
        pad=0,
    )
    parts, y = [], 4.0
    for group, members in groups:
        if group:
            parts.append(_text(0, y + 11, group, "strong"))
            y += 18
        for name, value, colour in members:
            parts.append(_text(left - 8, y + thick - 4, name, "end"))
            length = max(across.at(value) - across.at(0), 1.0)
            parts.append(_rect(left, y, length, thick - 2, f"c{colour}"))
            parts.append(_text(left + length + 6, y + thick - 4, f"{value:.{decimals}f}", "number"))
            y += thick
        y += gap
    return _svg(width, y - gap + 4, parts, title)


def histogram(
    edges: Sequence[float],
    series: Sequence[tuple[str, Sequence[float], int]],
    x_title: str,
    title: str,
) -> str:
    """Shares by bin as outlined steps, one colour a series: (name, one share a bin, colour)."""
    width, height = 340, 210
    across = Axis(edges[0], edges[-1], 46, width - 10)
    up = axis(
        [share for _, shares, _ in series for share in shares] or [1.0],
        height - 44,
        26,
        zero=True,
        pad=0.02,
    )
    parts = [_frame(across, up, x_title, "share")]
    for place, (name, shares, colour) in enumerate(series):
        path = f"M{_n(across.at(edges[0]))} {_n(up.at(0))}"
        for left, right, share in zip(edges, edges[1:], shares, strict=False):
            path += (
                f"L{_n(across.at(left))} {_n(up.at(share))}L{_n(across.at(right))}"
                f" {_n(up.at(share))}"
            )
        path += f"L{_n(across.at(edges[-1]))} {_n(up.at(0))}Z"
        parts.append(f'<path class="area s{colour} f{colour}" d="{path}"/>')
        x = 50 + place * 130
        parts.append(_rect(x, 4, 12, 12, f"c{colour}") + _text(x + 18, 14, name, ""))
    return _svg(width, height, parts, title)


def lines(
    series: Sequence[tuple[str, Sequence[tuple[float, float]], int]], x_title: str, title: str
) -> str:
    """Curves through (x, y) points, one colour a name: (name, points, colour). The legend names
    each once.
    """
    width, height = 320, 200
    xs = [x for _, points, _ in series for x, _ in points]
    ys = [y for _, points, _ in series for _, y in points]
    across, up = axis(xs or [0.0, 1.0], 40, width - 8, pad=0.02), axis(ys, height - 42, 24)
    parts = [_frame(across, up, x_title, "", ticks=4)]
    names: dict[str, int] = {}
    for name, points, colour in series:
        names.setdefault(name, colour)
        path = "M" + "L".join(f"{_n(across.at(x))} {_n(up.at(y))}" for x, y in points)
        if len(points) == 1:
            (x, y), *_ = points
            parts.append(
                f'<circle class="c{colour}" cx="{_n(across.at(x))}" cy="{_n(up.at(y))}" r="3"/>'
            )
        elif points:
            parts.append(f'<path class="curve s{colour}" d="{path}"/>')
    return _svg(width, height, [*parts, _legend(names)], title)


def checkpoints(
    series: Sequence[tuple[str, Sequence[Spread | None], int]],
    names: Sequence[str],
    limits: tuple[float, float],
    title: str,
) -> str:
    """Means with error bars at named places from left to right, one line a series: (name, a value a
    place, colour).
    """
    width, height = 320, 184
    across, up = Axis(-0.2, len(names) - 0.8, 40, width - 8), Axis(*limits, height - 26, 24)
    parts = [_frame(across, up, "", "", ticks=4, names=names)]
    for name, values, colour in series:
        told = [(across.at(place), value) for place, value in enumerate(values) if value]
        path = "M" + "L".join(f"{_n(x)} {_n(up.at(value.mean))}" for x, value in told)
        parts.append(f'<path class="curve s{colour}" d="{path}"/>' if len(told) > 1 else "")
        for x, value in told:
            if value.sd:
                low, high = (
                    min(max(value.mean + side * value.sd, limits[0]), limits[1]) for side in (-1, 1)
                )
                parts.append(_line(x, up.at(low), x, up.at(high), f"bar s{colour}"))
            told_as = f"<title>{escape(name)}: {_tick(value.mean)}</title>"
            parts.append(
                f'<circle class="c{colour}" cx="{_n(x)}" cy="{_n(up.at(value.mean))}"'
                f' r="3.5">{told_as}</circle>'
            )
    return _svg(
        width, height, [*parts, _legend({name: colour for name, _, colour in series})], title
    )


def standalone(svg: str, style: str) -> str:
    """A chart as a file of its own: with the style sheet inside."""
    head, rest = svg.split(">", 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}><style>{style}</style>{rest}\n'


def _legend(names: Mapping[str, int]) -> str:
    """A line of its colour and the name, side by side above the chart."""
    return "".join(
        _line(44 + place * 110, 9, 60 + place * 110, 9, f"curve s{colour}")
        + _text(65 + place * 110, 13, name, "")
        for place, (name, colour) in enumerate(names.items())
    )


def _frame(
    across: Axis, up: Axis, x_title: str, y_title: str, ticks: int = 5, names: Sequence[str] = ()
) -> str:
    bottom, top, left, right = up.start, up.end, across.start, across.end
    parts = []
    for value in up.ticks(ticks):
        parts.append(_line(left, up.at(value), right, up.at(value), "grid"))
        parts.append(_text(left - 6, up.at(value) + 4, _tick(value), "end tick"))
    marks = [(float(place), name) for place, name in enumerate(names)]
    marks = marks or [(value, _tick(value)) for value in across.ticks(ticks)]
    for value, name in marks:
        parts.append(_line(across.at(value), bottom, across.at(value), bottom + 4, "axis"))
        parts.append(_text(across.at(value), bottom + 17, name, "middle tick"))
    parts.append(_line(left, bottom, right, bottom, "axis"))
    parts.append(_text((left + right) / 2, bottom + 36, x_title, "middle"))
    if y_title:
        middle = (top + bottom) / 2
        turned = f'transform="rotate(-90 12 {_n(middle)})"'
        parts.append(
            f'<text class="middle" x="12" y="{_n(middle)}" {turned}>{escape(y_title)}</text>'
        )
    return "".join(parts)


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)
    if length < 24:  # the points touch: an arrow between them would hide both
        return ""
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    tip = (x1 - 8 * ux, y1 - 8 * uy)
    back = (tip[0] - 8 * ux, tip[1] - 8 * uy)
    corners = [tip, (back[0] - 4 * uy, back[1] + 4 * ux), (back[0] + 4 * uy, back[1] - 4 * ux)]
    head = " ".join(f"{_n(x)},{_n(y)}" for x, y in corners)
    return (
        _line(x0 + 8 * ux, y0 + 8 * uy, *back, "arrow") + f'<polygon class="head" points="{head}"/>'
    )


def _labels(
    points: Sequence[tuple[str, float, float]], width: float
) -> list[tuple[float, float, str]]:
    """A place for each point's label: the first of eight around it that covers the fewest points
    and labels.
    """
    taken = [(x - 6, y - 6, x + 6, y + 6) for _, x, y in points]
    chosen = []
    for label, x, y in points:
        long = LETTER * len(label)
        options = [
            (x + 9, y + 4, "start"), (x - 9, y + 4, "end"), (x, y - 10, "middle"), (x, y + 19, "middle"),
            (x + 7, y - 7, "start"), (x + 7, y + 15, "start"), (x - 7, y - 7, "end"), (x - 7, y + 15, "end"),
        ]  # fmt: skip
        boxes = []
        for left, base, anchor in options:
            start = left - {"start": 0.0, "middle": long / 2, "end": long}[anchor]
            boxes.append((start, base - FONT + 2, start + long, base + 3))
        costs = [
            _overlap(box, taken) + (1e6 if box[0] < 54 or box[2] > width else 0) for box in boxes
        ]
        best = costs.index(min(costs))
        taken.append(boxes[best])
        chosen.append(options[best])
    return chosen


def _overlap(box: tuple[float, ...], others: Sequence[tuple[float, ...]]) -> float:
    return sum(
        max(0.0, min(box[2], o[2]) - max(box[0], o[0]))
        * max(0.0, min(box[3], o[3]) - max(box[1], o[1]))
        for o in others
    )


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= rough - 1e-12)


def _svg(width: float, height: float, parts: Sequence[str], title: str) -> str:
    size = f'viewBox="0 0 {_n(width)} {_n(height)}"'
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="figure" {size} role="img"'
        f' aria-label="{escape(title)}">'
    )
    return f"{opening}{''.join(parts)}</svg>"


def _line(x0: float, y0: float, x1: float, y1: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{_n(x0)}" y1="{_n(y0)}" x2="{_n(x1)}" y2="{_n(y1)}"/>'


def _rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"/>'
    )


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{_n(x)}" y="{_n(y)}">{escape(text)}</text>'


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _tick(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) < 1000 else f"{value:g}"

"""Where the label of each point of a scatter stands, so that labels cover neither points nor each
other: Vega-Lite has no such rule.
"""

from collections.abc import Iterable, Mapping, Sequence

from reset.core.io import Row

WIDTH, HEIGHT, MARGIN = 460, 360, 24  # of assets/plots/points.json, in pixels
LETTER, LINE = 7.0, 13.0  # mean width of a bold letter of 12 pixels, and the height of a line
PLACES = (  # dx, dy and alignment, the best first
    (10, 0, "left"), (-10, 0, "right"), (0, -14, "center"), (0, 14, "center"),
    (8, -11, "left"), (8, 11, "left"), (-8, -11, "right"), (-8, 11, "right"),
)  # fmt: skip
STEPS = 40  # of an arrow
Box = tuple[float, float, float, float]  # left, top, right, bottom


def place(
    points: Mapping[str, tuple[float, float]],
    arrows: Iterable[tuple[str, str]],
    xs: Sequence[float],
    ys: Sequence[float],
) -> dict[str, Row]:
    """The columns label_dx, label_dy and label_align of each labelled point (x, y). `arrows` lead
    from label to label; `xs` and `ys` are all values that the axes hold, error bars included.

    Each label takes the first place around its point that covers least of the points, of the arrows
    and of the labels placed before.
    """
    pixels = {
        label: (_pixel(x, xs, WIDTH), HEIGHT - _pixel(y, ys, HEIGHT))
        for label, (x, y) in points.items()
    }
    taken = [_around(x, y, 6) for x, y in pixels.values()]
    for start, end in arrows:
        if start in pixels and end in pixels:
            taken += _along(pixels[start], pixels[end])
    chosen = {}
    for label, (x, y) in pixels.items():
        boxes = [_box(label, x + dx, y + dy, align) for dx, dy, align in PLACES]
        costs = [_cost(box, taken) for box in boxes]
        best = costs.index(min(costs))
        taken.append(boxes[best])
        dx, dy, align = PLACES[best]
        chosen[label] = {"label_dx": dx, "label_dy": dy, "label_align": align}
    return chosen


def _pixel(value: float, values: Sequence[float], size: float) -> float:
    low, high = min(values), max(values)
    share = (value - low) / (high - low) if high > low else 0.5
    return MARGIN + share * (size - 2 * MARGIN)


def _around(x: float, y: float, reach: float) -> Box:
    return x - reach, y - reach, x + reach, y + reach


def _along(start: tuple[float, float], end: tuple[float, float]) -> list[Box]:
    """Small boxes on the line between two points, and a larger one for the arrow in its middle."""
    boxes = []
    for step in range(1, STEPS):
        x = start[0] + (end[0] - start[0]) * step / STEPS
        y = start[1] + (end[1] - start[1]) * step / STEPS
        boxes.append(_around(x, y, 5 if 2 * step == STEPS else 2))
    return boxes


def _box(label: str, x: float, y: float, align: str) -> Box:
    width = LETTER * len(label)
    left = x - {"left": 0.0, "center": width / 2, "right": width}[align]
    return left, y - LINE / 2, left + width, y + LINE / 2


def _cost(box: Box, taken: Sequence[Box]) -> float:
    """The area that a box shares with those taken; much for one that leaves the chart."""
    cost = 0.0 if box[0] >= 0 and box[2] <= WIDTH else 1e6
    for other in taken:
        width = min(box[2], other[2]) - max(box[0], other[0])
        height = min(box[3], other[3]) - max(box[1], other[1])
        cost += max(0.0, width) * max(0.0, height)
    return cost

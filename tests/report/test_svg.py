"""drawing: well-formed SVG, everything inside the frame, labels apart."""

import xml.etree.ElementTree as ElementTree

import pytest

from reset.report.svg import (
    LETTER,
    Axis,
    Point,
    _labels,
    _overlap,
    bars,
    histogram,
    lines,
    scatter,
    standalone,
)

POINTS = [Point(name, x, y, 1, 0.1, 0.02) for name, x, y in [
    ("base", 2, 0.2), ("mtl", 6.0, 0.58), ("random", 5.9, 0.59), ("control & more", 6.05, 0.57), ("reset", 6.7, 0.72),
]]  # fmt: skip


def parse(svg):
    root = ElementTree.fromstring(svg)
    return root, [float(n) for n in root.get("viewBox").split()]


@pytest.mark.parametrize(
    "svg",
    [
        scatter(
            POINTS, [("base", "mtl"), ("mtl", "reset"), ("mtl", "absent")], "x", "y", "title <1>"
        ),
        scatter([], [], "x", "y", "nothing"),
        scatter(POINTS[:1], [], "x", "y", "one point"),
        bars([("group", [("a", 0.0, 1), ("b", 3.0, 2)])], "bars"),
        bars([("", [("a", 0.0, 1)])], "all zero"),
        histogram(
            [0, 1, 2], [("all", [0.5, 0.5], 1), ("winners", [0.0, 1.0], 4)], "score", "histogram"
        ),
        lines([("loss", [(1, 2.0), (2, 1.0)], 1), ("loss", [(1, 2.1)], 1)], "step", "lines"),
    ],
)
def test_charts_are_well_formed_and_within_their_frame(svg):
    root, (_, _, width, height) = parse(svg)
    assert root.get("aria-label")
    for element in root.iter():
        for name, limit in (
            ("x", width),
            ("x1", width),
            ("x2", width),
            ("cx", width),
            ("y", height),
            ("y1", height),
        ):
            if element.get(name) is not None:
                assert -1 <= float(element.get(name)) <= limit + 1, (element.tag, element.attrib)
    assert "nan" not in svg and "inf" not in svg


def test_arrows_join_only_points_that_are_there():
    svg = scatter(POINTS, [("base", "mtl"), ("mtl", "absent")], "x", "y", "t")
    assert svg.count('class="arrow"') == 1


def test_a_longer_bar_stands_for_a_larger_value():
    root, _ = parse(bars([("", [("a", 1.0, 1), ("b", 2.0, 1)])], "t"))
    short, long = [float(e.get("width")) for e in root.iter() if e.tag.endswith("rect")]
    assert long == pytest.approx(2 * short, abs=0.2)


def test_labels_of_close_points_do_not_lie_on_each_other():
    places = [(p.label, 100 + 4 * i, 100 + 3 * i) for i, p in enumerate(POINTS)]
    boxes = []
    for (label, _, _), (x, y, anchor) in zip(places, _labels(places, 430), strict=True):
        long = LETTER * len(label)
        left = x - {"start": 0, "middle": long / 2, "end": long}[anchor]
        boxes.append((left, y - 10, left + long, y + 3))
    for i, box in enumerate(boxes):
        assert _overlap(box, boxes[:i]) == 0


def test_ticks_are_round_and_inside_the_scale():
    assert Axis(0.13, 0.87, 0, 1).ticks() == [0.2, 0.4, 0.6, 0.8]
    assert Axis(0, 200, 0, 1).ticks(4) == [0, 50, 100, 150, 200]


def test_a_chart_of_its_own_carries_its_style():
    svg = standalone(bars([("", [("a", 1.0, 1)])], "t"), ".figure { color: red }")
    assert (
        ElementTree.fromstring(svg.split("\n", 1)[1]).find("{http://www.w3.org/2000/svg}style")
        is not None
    )

"""point_labels: labels cover neither points nor each other."""

import random

import pytest

from reset.report import point_labels


def boxes(points, arrows=()):
    xs, ys = zip(*points.values(), strict=True)
    found = point_labels.place(points, arrows, xs, ys)
    pixels = {}
    for label, (x, y) in points.items():
        left = point_labels._pixel(x, xs, point_labels.WIDTH)
        top = point_labels.HEIGHT - point_labels._pixel(y, ys, point_labels.HEIGHT)
        pixels[label] = (left, top)
    return pixels, {
        label: point_labels._box(
            label, x + found[label]["label_dx"], y + found[label]["label_dy"],
            found[label]["label_align"],
        )
        for label, (x, y) in pixels.items()
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_labels_of_eleven_points_stay_inside_and_cover_no_point(seed):
    chance = random.Random(seed)
    points = {f"run_{i}": (chance.random(), chance.random()) for i in range(11)}
    pixels, found = boxes(points)
    for label, box in found.items():
        assert 0 <= box[0] and box[2] <= point_labels.WIDTH
        others = [found[other] for other in found if other != label]
        dots = [(x - 4, y - 4, x + 4, y + 4) for x, y in pixels.values()]
        assert point_labels._cost(box, [*others, *dots]) == 0


def test_a_label_makes_way_for_an_arrow():
    points = {"a": (0.0, 0.0), "b": (1.0, 0.0)}
    xs, ys = (0.0, 1.0), (0.0, 0.0)
    assert point_labels.place(points, [], xs, ys)["a"]["label_align"] == "left"
    found = point_labels.place(points, [("a", "b")], xs, ys)
    assert (found["a"]["label_align"], found["a"]["label_dy"]) == ("right", 0)


def test_one_point_and_equal_points_have_labels_too():
    assert point_labels.place({"a": (1.0, 1.0)}, [], [1.0], [1.0])["a"]["label_dx"] == 10
    _, found = boxes({"first": (1.0, 1.0), "second": (1.0, 1.0)})
    assert point_labels._cost(found["first"], [found["second"]]) == 0

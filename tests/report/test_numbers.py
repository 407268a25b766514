"""numbers: signs, spreads and readings as they are printed."""

import pytest

from reset.report import numbers
from reset.report.aggregate import Spread


def test_one_seed_has_no_spread_and_a_hole_has_a_dash():
    assert numbers.show_spread("task", Spread(0.5, None, {0: 0.5})) == "0.50"
    assert numbers.show_spread("task", None) == "–"


@pytest.mark.parametrize(
    "between, word",
    [
        ((0.1, 0.2), "higher"),
        ((-0.2, -0.1), "lower"),
        ((-0.1, 0.1), "not shown"),
        ((0.0, 0.1), "not shown"),
        ((-0.1, 0.0), "not shown"),
        (None, "–"),
        ((0.0004, 0.1), "not shown"),
        ((-0.1, -0.0004), "not shown"),
        ((0.0006, 0.1), "higher"),
    ],
)
def test_the_reading_of_an_interval_is_that_of_its_printed_ends(between, word):
    assert numbers.reading("task", between) == word


def test_signs_are_typographic_and_zero_has_both():
    assert numbers.show_difference("task", -0.25) == "−0.250"
    assert (
        numbers.show_difference("task", 0.0) == numbers.show_difference("task", -0.0001) == "±0.000"
    )
    assert numbers.show_difference("instruction", -0.05) == "−0.50"

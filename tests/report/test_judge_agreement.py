"""agreement: how scores lie, which go together, and how far repeats agree, against counts by
hand.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reset.report import judge_agreement
from reset.report.judge_agreement import BANDS, bands, rank_correlation, ranks, repeats

ROW = {
    "dataset": "nq",
    "s_task": 1.0,
    "s_faithfulness": None,
    "s_instruction": None,
    "k_precision": 0.5,
    "tokens": 7,
    "judges": {"task": "exact_match", "faithfulness": "span"},
    "ratings": None,
}


def test_each_score_falls_into_one_band_and_borders_belong_to_the_lower():
    assert bands([-0.5, 0.0, 0.01, 0.25, 0.26, 0.5, 0.75, 0.76, 0.99, 1.0]) == [
        0.2,
        0.2,
        0.2,
        0.1,
        0.2,
        0.1,
    ]


@given(st.lists(st.floats(-1, 1), min_size=1))
def test_the_shares_of_all_bands_add_up_to_one(scores):
    shares = bands(scores)
    assert len(shares) == len(BANDS) and sum(shares) == pytest.approx(1)


def test_equal_values_share_the_mean_of_their_ranks():
    assert ranks([3.0, 1.0, 3.0, 2.0, 3.0]) == [4.0, 1.0, 4.0, 2.0, 4.0]


def test_rank_correlation_equals_the_textbook_formula_without_ties():
    first, second = [1, 2, 3, 4, 5], [2, 1, 4, 3, 5]
    squares = sum((a - b) ** 2 for a, b in zip(first, second, strict=True))
    assert rank_correlation(first, second) == pytest.approx(1 - 6 * squares / (5 * 24))


def test_only_the_order_counts():
    values = [0.1, 0.7, 0.3, 0.9]
    assert rank_correlation(values, [value**5 for value in values]) == pytest.approx(1)
    assert rank_correlation(values, [-value for value in values]) == pytest.approx(-1)


def test_ties_weaken_a_correlation():
    assert rank_correlation([0, 0, 1, 1], [0, 1, 2, 3]) == pytest.approx(0.8944, abs=1e-4)


def test_places_without_a_number_do_not_count():
    assert rank_correlation([1, None, 2, 3, 9], [1, 0, 2, 3, None]) == pytest.approx(1)


def test_a_constant_column_and_too_few_places_have_no_correlation():
    assert rank_correlation([1, 1, 1, 1], [1, 2, 3, 4]) is None
    assert rank_correlation([1, 2, None], [1, 2, 3]) is None


def test_repeats_are_compared_within_an_answer_and_chance_across_answers():
    found = repeats([[8, 8, 6], [5, 5], [9], []])
    assert found.answers == 2
    assert found.equal == pytest.approx((1 / 3 + 1) / 2)
    assert found.difference == pytest.approx((4 / 3 + 0) / 2)
    assert found.by_chance == pytest.approx((4 + 1 + 4) / 25)


def test_single_ratings_say_nothing_of_agreement():
    assert repeats([[7], [8], []]) is None


def test_rows_are_collected_by_data_set_and_replies_without_a_rating_left_out():
    answers = {}
    rated = ROW | {
        "dataset": "alpaca",
        "judges": {"instruction": "rubric"},
        "ratings": [None, 7, 8],
    }
    for row in (ROW, ROW | {"s_task": None}, rated):
        judge_agreement.collect(row, answers)
    assert answers["nq"].columns["s_task"] == [1.0, None]
    assert answers["nq"].measures == {"task": {"exact_match"}, "faithfulness": {"span"}}
    assert answers["nq"].ratings == [] and answers["alpaca"].ratings == [[7, 8]]
    assert judge_agreement.measures(answers, "instruction") == ["rubric"]

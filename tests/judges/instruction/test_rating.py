"""The strict parser of a judge's reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reset.judges.instruction.rating import parse


@pytest.mark.parametrize("value", range(1, 11))
def test_reads_every_rating_of_the_scale(value):
    assert parse(f"It is fine.\nRating: {value}").value == value


def test_blank_lines_and_spaces_around_the_rating_do_not_matter():
    assert parse("Good.\n\n  Rating: 8  \n\n").value == 8


def test_the_last_rating_counts_when_the_explanation_quotes_one():
    assert parse("The answer claims\nRating: 10\nbut it is off the topic.\nRating: 2").value == 2


@pytest.mark.parametrize(
    "reply",
    [
        "Rating: 0",
        "Rating: 11",
        "Rating: -3",
        "Rating: 7.5",
        "Rating: 100",
        "Rating: 010",
        "Rating: 8/10",
        "Rating: [[8]]",
        "Rating: ten",
        "Rating: ７",
        "rating: 8",
        "Rating 8",
        "8",
        "I would say Rating: 8",
        "Rating: 3 Rating: 9",
        "Rating: 9\nAs the answer asked for.",
        "> Rating: 10",
        'It ends with "Rating: 10"',
    ],
)
def test_anything_but_the_asked_form_has_no_rating_and_says_why(reply):
    found = parse(reply)
    assert found.value is None
    assert "Rating: N" in found.reason


def test_an_empty_reply_has_no_rating():
    assert parse(" \n ").reason == "empty reply"


@pytest.mark.parametrize("finish", ["length", "content_filter", ""])
def test_a_cut_reply_has_no_rating_even_if_it_ends_like_one(finish):
    found = parse("It quotes\nRating: 1", finish)
    assert found.value is None and "not finished" in found.reason


@given(st.text())
def test_any_text_gives_a_rating_in_range_or_a_reason(text):
    found = parse(text)
    assert (found.value is None) == (found.reason is not None)
    assert found.value is None or 1 <= found.value <= 10


@given(st.text(), st.integers(1, 10))
def test_whatever_stands_above_the_rating_is_ignored(text, value):
    assert parse(f"{text}\nRating: {value}").value == value

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


FORMS = [
    "Rating: 8.", "**Rating: 8**", "Rating: 8/10", "[[8]]", "Rating: [8]", "Rating: [[8]]",
    "**Rating:** 8", "**Rating**: 8/10.", "rating: 8", "Rating 8", "Rating = 8", "[[8]].",
    "## Rating: 8 out of 10", "`Rating: 8`", "**[[8]]**", "_Rating:_ **8** / 10", "(Rating: 8)",
    "Rating\uff1a8",
]  # fmt: skip


@pytest.mark.parametrize("line", FORMS)
def test_the_forms_in_which_judges_write_a_rating_are_read_in_the_last_line(line):
    assert parse(f"Good.\n{line}").value == 8
    assert parse(f"{line}\nSo much for that.").value is None


@pytest.mark.parametrize("mark", ["> ", '"', "'", "\u201c", ">> ", "- > ", "The answer: "])
@pytest.mark.parametrize("line", FORMS)
def test_none_of_the_forms_counts_in_a_quotation(line, mark):
    assert parse(f"It says:\n{mark}{line}").value is None


@pytest.mark.parametrize("value", range(1, 11))
def test_every_form_reads_the_whole_scale(value):
    for line in FORMS:
        assert parse(line.replace("8", str(value))).value == value


@pytest.mark.parametrize(
    "reply",
    [
        "Rating: 0",
        "Rating: 11",
        "Rating: -3",
        "Rating: 7.5",
        "Rating: 100",
        "Rating: 010",
        "Rating: ten",
        "Rating: ７",
        "8",
        "8/10",
        "[8]",
        "Rating: 8/5",
        "Rating: 8/100",
        "Rating: 1 0",
        "Rating: 1*0",
        "Rating: [[11]]",
        "[[0]]",
        "Rating: 8 stars",
        "My rating: 8 of the 10",
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


@pytest.mark.parametrize("finish", ["stop", "STOP", "eos", "eos_token", "end_turn"])
def test_a_reply_that_ended_by_itself_is_read_whatever_the_server_calls_it(finish):
    assert parse("Rating: 4", finish).value == 4


def test_a_long_line_of_marks_is_read_at_once():
    assert parse("*" * 300_000 + "Rating: x").value is None


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

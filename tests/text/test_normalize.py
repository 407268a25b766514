import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reset.text.normalize import mentions, normalize_answer


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The  Beatles!", "beatles"),
        ("a well-known/famous man", "well known famous man"),
        ("John's", "john s"),
        ("John\u2019s dog", "john s dog"),
        ("the U.S.", "us"),
        ("1990\u20131994", "1990 1994"),
        ("\u201cAn apple\u201d", "apple"),
        ("cafe\u0301", "caf\u00e9"),
        ("The", ""),
        ("", ""),
    ],
)
def test_texts_become_lower_case_words_without_articles_and_punctuation(text, normal):
    assert normalize_answer(text) == normal


@pytest.mark.parametrize(
    ("answer", "passage"),
    [
        ("New York", "a New York-based paper"),
        ("John", "John's dog"),
        ("U.S.", "made in the U.S."),
        ("km/h", "90 km / h"),
        ("Caf\u00e9", "the CAFE\u0301."),
    ],
)
def test_an_answer_is_found_whatever_its_dress(answer, passage):
    assert mentions(answer, passage)


@pytest.mark.parametrize(
    ("answer", "passage"),
    [("art", "the party"), ("New York", "York, New"), ("the", "the end"), ("", "x"), ("9", "1990")],
)
def test_an_answer_is_found_at_word_borders_alone(answer, passage):
    assert not mentions(answer, passage)


@given(st.text())
@example("C:\u0327")  # what punctuation parts is composed once it is gone
def test_normalising_twice_is_normalising_once(text):
    once = normalize_answer(text)
    assert normalize_answer(once) == once
    assert once == " ".join(once.split())


@given(st.text(), st.text(), st.text())
def test_a_text_mentions_each_part_of_itself(left, answer, right):
    if normalize_answer(answer):
        assert mentions(answer, f"{left} {answer} {right}")

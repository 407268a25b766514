import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reset.text.words import comparable, count_words, share_outside_latin, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Москва, 1998", ["москва", "1998"]),
        ("हिन्दी में लिखो", ["हिन्दी", "में", "लिखो"]),
        ("العَرَبِيَّة لغة", ["العَرَبِيَّة", "لغة"]),
        ("他住在北京。", ["他", "住", "在", "北", "京"]),
        ("ラーメン", ["ラ", "ー", "メ", "ン"]),
        ("ดี ที่", ["ดี", "ที่"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("iPhone手机", ["iphone", "手", "机"]),
        ("café cafe\u0301", ["café", "café"]),
        ("well-known_name", ["well", "known", "name"]),
    ],
)
def test_words_of_any_script(text, found):
    assert words(comparable(text)) == found


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Paris\u200b", "paris"),
        ("co\u00adoperate", "cooperate"),
        ("\ufeff5\u00a0\u00b5m", "5 \u03bcm"),
        ("\ufb01ne", "fine"),
        ("\uff30\uff21\uff32\uff29\uff33", "paris"),
        ("heart\ufe0f", "heart"),
        ("Coke\u2122", "coke"),
    ],
)
def test_what_no_reader_sees_or_tells_apart_is_made_equal(text, plain):
    assert comparable(text) == plain


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_words_are_runs_of_letters_and_digits(text):
    assert words(comparable(text)) == re.findall("[a-z0-9]+", text.lower())
    assert count_words(text) == len(text.split())


@given(st.text())
def test_a_comparable_text_stays_as_it_is(text):
    assert comparable(comparable(text)) == comparable(text)


@pytest.mark.parametrize(
    ("text", "count"), [("a - b", 3), ("他住在北京。", 5), ("use 北京 or Paris", 5), ("", 0)]
)
def test_a_reader_counts_words_or_characters(text, count):
    assert count_words(text) == count


def test_the_share_of_letters_outside_latin():
    assert share_outside_latin(["abc", "где"]) == 0.5
    assert share_outside_latin(["café 1998", ""]) == share_outside_latin(["1998"]) == 0.0

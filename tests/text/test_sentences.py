import pytest
from hypothesis import given
from hypothesis import strategies as st

from reset.text.sentences import split


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("He left. She stayed!", ["He left.", "She stayed!"]),
        (
            "Dr. Smith of the U.S. Army paid $3.50. Why?",
            ["Dr. Smith of the U.S. Army paid $3.50.", "Why?"],
        ),
        (
            "nivan eats fish. kuran has a cat. they say so.",
            ["nivan eats fish.", "kuran has a cat.", "they say so."],
        ),
        (
            "he eats fish. she has tables! why? so.",
            ["he eats fish.", "she has tables!", "why?", "so."],
        ),
        (
            "it is red, e.g. a rose. mr. x. agrees at 5 p.m. now.",
            ["it is red, e.g. a rose.", "mr. x. agrees at 5 p.m. now."],
        ),
        ("one highlight .\nanother one .", ["one highlight .", "another one ."]),
        ("- apples\n- pears", ["- apples", "- pears"]),
        ("1. paris is big.\n2. rome is old.", ["1. paris is big.", "2. rome is old."]),
        ("1. Paris is big.\n2. Rome is old.", ["1. Paris is big.", "2. Rome is old."]),
        ("it was 1998. he left.", ["it was 1998.", "he left."]),
        ("他用iPhone。「很好。」次", ["他用iPhone。", "「很好。」", "次"]),
        ("यह है। वह है।", ["यह है।", "वह है।"]),
        ("Paris", ["Paris"]),
        ("No.", ["No."]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text, sentences):
    assert list(split(text)) == sentences


@pytest.mark.parametrize("text", ["", "   \n ", "...", "- - !"])
def test_a_text_without_words_has_no_sentence(text):
    assert split(text) == ()


@given(st.text(alphabet=st.sampled_from("ab AB.!?\n\"')é1ßİ"), max_size=60))
def test_no_letter_is_lost_or_changed(text):
    kept = "".join("".join(split(text)).split())
    whole = "".join(text.split())
    assert [c for c in kept if c.isalnum()] == [c for c in whole if c.isalnum()]

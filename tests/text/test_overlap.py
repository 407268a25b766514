import pytest
from hypothesis import given
from hypothesis import strategies as st

from reset.text.overlap import columns, k_precision, k_recall, ngram_coverage, recall, tokens

PASSAGES = ["The cat sat on the mat.", "A dog, named Rex, ran."]


def test_tokens_lose_case_punctuation_and_articles():
    assert tokens("The U.S.-based Rex's dog; an apple") == ("usbased", "rexs", "dog", "apple")


@pytest.mark.parametrize(
    ("answer", "n", "score"),
    [
        ("the cat", 1, 1.0),
        ("cat bird", 1, 0.5),
        ("cat bird cat bird", 1, 0.5),
        ("cat sat", 2, 1.0),
        ("sat cat", 2, 0.0),
        ("cat sat here", 2, 0.5),
        ("mat dog", 2, 0.0),
        ("cat", 2, None),
        ("", 1, None),
    ],
)
def test_ngram_coverage(answer, n, score):
    assert ngram_coverage(answer, PASSAGES, n) == score


@pytest.mark.parametrize(
    ("answer", "score"),
    [("cat cat", 0.5), ("cat dog", 1.0), ("bird", 0.0), ("", 0.0), ("the", 0.0), ("Rex ran!", 1.0)],
)
def test_k_precision_counts_each_token_as_often_as_the_context_has_it(answer, score):
    assert k_precision(answer, PASSAGES) == score


def test_recall_is_a_share_of_the_best_reference_and_k_recall_of_the_whole_context():
    assert recall("it is a big red dog", ["a cat and a rat", "the red dog"]) == 1.0
    assert recall("red", ["red dog"]) == 0.5
    assert k_recall("cat rex", PASSAGES) == 0.25
    assert recall("red", ["the"]) == recall("red", []) == 0.0
    assert k_recall("red", []) is None


WORDS = st.lists(st.sampled_from("red dog cat ran the".split()), max_size=8).map(" ".join)


@given(WORDS, st.lists(WORDS, min_size=1, max_size=3))
def test_every_measure_is_a_share_or_null(answer, passages):
    for score in columns(answer, passages).values():
        assert score is None or 0.0 <= score <= 1.0


@given(WORDS.filter(lambda text: len(tokens(text)) > 1))
def test_an_answer_copied_from_the_context_is_covered(answer):
    scores = columns(answer, ["other words", f"before {answer} after"])
    assert scores["unigram_coverage"] == scores["bigram_coverage"] == scores["k_precision"] == 1.0

import pytest

from reset.judges.faithfulness.span import span_coverage

PASSAGES = ["The film was shot in New York City.", "It cost the well-known maker's bank a million."]


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("new york", 1.0),
        ("The New York City", 1.0),
        ("well - known maker 's bank", 1.0),
        ("York Cit", 0.0),
        ("well known", 0.0),
        ("city it cost", 0.0),
        ("Boston", 0.0),
        ("", 0.0),
        ("the", 0.0),
        ("...", 0.0),
    ],
)
def test_an_answer_is_covered_when_a_passage_holds_it_at_token_borders(answer, score):
    assert span_coverage(answer, PASSAGES) == score


def test_without_passages_nothing_is_covered():
    assert span_coverage("x", []) == 0.0


@pytest.mark.parametrize(
    ("answer", "passage", "score"),
    [
        ("email", "Send an e-mail.", 1.0),
        ("1990s", "in the 1990's he", 1.0),
        ("well known", "a well-known man", 0.0),
        ("北京", "他住在北京市中心。", 1.0),
        ("上海", "他住在北京市中心。", 0.0),
        ("दिल्ली", "वह दिल्ली में है।", 1.0),
    ],
)
def test_hyphens_join_and_every_script_is_read(answer, passage, score):
    assert span_coverage(answer, [passage]) == score

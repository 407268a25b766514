import pytest

from reset.judges.task.exact_match import exact_match


@pytest.mark.parametrize(
    ("answer", "references", "score"),
    [
        ("The Beatles", ["beatles"], 1.0),
        ("Paris.", ["London", "paris"], 1.0),
        ("well - known", ["well-known"], 1.0),
        ("email", ["e-mail"], 1.0),
        ("1990s", ["1990's"], 1.0),
        ("CocaCola", ["Coca-Cola"], 1.0),
        ("well known", ["well-known"], 0.0),
        ("Paris\u200b", ["Paris"], 1.0),
        ("Paris, France", ["Paris"], 0.0),
        ("", ["Paris"], 0.0),
        ("", ["A"], 0.0),
        ("a", ["A"], 1.0),
        ("a", ["the"], 0.0),
        ("Paris", [], 0.0),
    ],
)
def test_exact_match(answer, references, score):
    assert exact_match(answer, references) == score

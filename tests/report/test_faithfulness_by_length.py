"""length_classes: classes that double, empty answers apart, unscored answers left out."""

import pytest

from reset.report import faithfulness_by_length


@pytest.mark.parametrize(
    "tokens, told", [(0, "0"), (1, "1"), (2, "2–3"), (3, "2–3"), (4, "4–7"), (480, "256–511")]
)
def test_the_class_of_a_length(tokens, told):
    rows = [{"tokens": tokens, "s_faithfulness": 0.5}]
    ((number, scores),) = faithfulness_by_length.faithfulness({"mtl": {0: rows}})["mtl"].items()
    assert faithfulness_by_length.name(number) == told and scores == [0.5]


def test_seeds_are_taken_together_and_answers_without_a_score_left_out():
    rows = [{"tokens": 9, "s_faithfulness": 1.0}, {"tokens": 1, "s_faithfulness": 0.0}]
    found = faithfulness_by_length.faithfulness(
        {"mtl": {0: rows, 1: [*rows, {"tokens": 1, "s_faithfulness": None}]}, "base": {}}
    )
    assert found == {"mtl": {1: [0.0, 0.0], 4: [1.0, 1.0]}, "base": {}}
    assert list(found["mtl"]) == [1, 4]

"""reference_length: the paper's two classes and the one between, abstractive sets and requests."""

import pytest

from reset.report.reference_length import LONGER, SHORTER, SIMILAR, collect, length_class


@pytest.mark.parametrize(
    "words, reference, name",
    [(0, 1, SHORTER), (9, 10, SHORTER), (10, 10, SIMILAR), (110, 10, SIMILAR), (111, 10, LONGER)],
)
def test_shorter_is_strict_and_longer_is_more_than_a_hundred_words(words, reference, name):
    assert length_class(words, reference) == name


def row(task, words, faithfulness=None, instruction=None, reference=5):
    return {
        "task": task,
        "words": words,
        "reference_words": reference,
        "s_faithfulness": faithfulness,
        "s_instruction": instruction,
    }


def test_extractive_sets_and_answers_without_score_or_reference_are_left_out():
    rows = [
        row("abstractive_qa", 4, faithfulness=0.5),
        row("summarization", 200, faithfulness=0.25),
        row("summarization", 200),
        row("extractive_qa", 4, faithfulness=1.0),
        row("instruction", 5, instruction=0.7),
        row("instruction", 5, instruction=0.9, reference=None),
    ]
    found = collect({"mtl": {0: rows, 1: rows[:1]}, "chat": {None: rows}})
    assert found == {
        "faithfulness": {
            SHORTER: {"mtl": [0.5, 0.5], "chat": [0.5]},
            SIMILAR: {},
            LONGER: {"mtl": [0.25], "chat": [0.25]},
        },
        "instruction": {SHORTER: {}, SIMILAR: {"mtl": [0.7], "chat": [0.7]}, LONGER: {}},
    }

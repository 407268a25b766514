"""selection_headroom: where selection can matter, and where the scores lie."""

import pytest

from reset.report import selection_headroom


def row(task, scores, winner=0):
    return {
        "task": task,
        "candidates": [{"score": s, "winner": i == winner} for i, s in enumerate(scores)],
    }


@pytest.mark.parametrize(
    "scores, with_choice, tied, selected",
    [
        ([0.2, 0.4], 1, 0, 1),
        ([0.2, 0.2], 0, 1, 1),
        ([0.4, 0.2, 0.4], 1, 1, 1),
        ([0.2, 0.2, 0.4], 1, 0, 1),
        ([0.2, None], 0, 0, 1),
        ([None, None], 0, 0, 0),
    ],
)
def test_choices_and_ties_are_counted_among_scored_candidates(scores, with_choice, tied, selected):
    found = selection_headroom.empty()
    selection_headroom.collect([row("instruction", scores)], found)
    counts = found["instruction"]
    assert (counts.with_choice, counts.tied, counts.selected) == (with_choice, tied, selected)


def test_families_are_counted_apart_and_missing_scores_are_no_numbers():
    scores = selection_headroom.empty()
    selection_headroom.collect(
        [row("instruction", [0.2, None], 0), row("summarization", [1.0, 3.0], 1)], scores
    )
    selection_headroom.collect([row("extractive_qa", [2.0, 2.0])], scores)
    assert (
        scores["instruction"].prompts,
        scores["instruction"].with_choice,
        scores["instruction"].missing,
    ) == (1, 0, 1)
    assert (scores["context"].prompts, scores["context"].with_choice) == (2, 1)
    assert scores["context"].seeds == 2
    assert scores["context"].candidates == [1.0, 3.0, 2.0, 2.0]
    assert scores["context"].winners == [3.0, 2.0]


def test_a_histogram_loses_no_value():
    edges = [i * 0.15 for i in range(21)]
    shares = selection_headroom.histogram([0.0, 0.15, 0.3, 2.9999, 3.0, -1.0, 9.0], edges)
    assert sum(shares) == pytest.approx(1)
    assert shares[0] == pytest.approx(2 / 7) and shares[-1] == pytest.approx(3 / 7)
    assert selection_headroom.histogram([], edges) == [0.0] * 20

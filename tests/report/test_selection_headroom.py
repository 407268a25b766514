"""selection_room: where selection can matter, and where the scores lie."""

import pytest

from reset.report import selection_headroom


def row(task, scores, winner=0):
    return {
        "task": task,
        "candidates": [{"score": s, "winner": i == winner} for i, s in enumerate(scores)],
    }


def test_a_prompt_is_decidable_only_where_scored_candidates_differ():
    assert selection_headroom.is_decidable(row("instruction", [0.2, 0.4]))
    assert not selection_headroom.is_decidable(row("instruction", [0.2, 0.2]))
    assert not selection_headroom.is_decidable(row("instruction", [0.2, None]))
    assert not selection_headroom.is_decidable(row("instruction", [None, None]))


def test_families_are_counted_apart_and_missing_scores_are_no_numbers():
    scores = selection_headroom.empty()
    selection_headroom.collect(
        [row("instruction", [0.2, None], 0), row("summarization", [1.0, 3.0], 1)], scores
    )
    selection_headroom.collect([row("extractive_qa", [2.0, 2.0])], scores)
    assert (
        scores["instruction"].prompts,
        scores["instruction"].decidable,
        scores["instruction"].missing,
    ) == (1, 0, 1)
    assert (scores["context"].prompts, scores["context"].decidable) == (2, 1)
    assert scores["context"].candidates == [1.0, 3.0, 2.0, 2.0]
    assert scores["context"].winners == [3.0, 2.0]


def test_a_histogram_loses_no_value():
    edges = [i * 0.15 for i in range(21)]
    shares = selection_headroom.histogram([0.0, 0.15, 0.3, 2.9999, 3.0, -1.0, 9.0], edges)
    assert sum(shares) == pytest.approx(1)
    assert shares[0] == pytest.approx(2 / 7) and shares[-1] == pytest.approx(3 / 7)
    assert selection_headroom.histogram([], edges) == [0.0] * 20

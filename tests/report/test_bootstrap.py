"""bootstrap: pairs are pairs, and the intervals hold what they say."""

import tracemalloc

import numpy as np
import pytest

from reset.report import bootstrap

BOTH = ("nq", "bioasq")


def rows(scores, dataset="nq", seen=True):
    return [
        {"id": f"{dataset}:{i}", "dataset": dataset, "seen": seen, "s_task": s}
        for i, s in enumerate(scores)
    ]


def test_scores_are_paired_by_prompt_and_seed_whatever_the_order():
    answers = {
        "reset": {0: rows([1.0, 0.0, 1.0])},
        "mtl": {0: rows([0.0, 0.0, 1.0])[::-1], 1: rows([1.0, 1.0, 1.0])},
    }
    gaps = bootstrap.pairs(answers, "reset", "mtl", "task", BOTH)
    assert gaps["nq"].tolist() == [[1.0, 0.0, 0.0]]


def test_a_prompt_without_a_score_in_any_seed_is_left_out_of_all():
    answers = {
        "reset": {0: rows([1.0, 0.5, 1.0]), 1: rows([1.0, None, 0.0])},
        "mtl": {0: rows([0.0, 0.5, None]), 1: rows([1.0, 0.5, 0.0])},
    }
    assert bootstrap.pairs(answers, "reset", "mtl", "task", BOTH)["nq"].tolist() == [
        [1.0],
        [0.0],
    ]


def test_groups_and_data_sets_are_kept_apart():
    both = rows([1.0]) + rows([0.0], "bioasq", seen=False)
    answers = {"reset": {0: both}, "mtl": {0: both}}
    assert set(bootstrap.pairs(answers, "reset", "mtl", "task", ["bioasq"])) == {"bioasq"}
    assert set(bootstrap.pairs(answers, "reset", "mtl", "task", BOTH)) == {"nq", "bioasq"}
    assert bootstrap.pairs(answers, "reset", "random", "task", BOTH) == {}


def test_a_start_model_without_a_seed_is_paired_with_every_seed():
    answers = {"grounded": {0: rows([1.0]), 1: rows([0.5])}, "chat": {None: rows([0.25])}}
    assert bootstrap.pairs(answers, "grounded", "chat", "task", BOTH)["nq"].tolist() == [
        [0.75],
        [0.25],
    ]


def test_a_constant_difference_has_an_interval_of_one_point():
    low, high = bootstrap.interval({"nq": np.full((3, 20), 0.25)}, draws=200, seed=0)
    assert low == pytest.approx(0.25) and high == pytest.approx(0.25)


def test_the_same_seed_gives_the_same_interval_and_another_another():
    gaps = {"nq": np.random.default_rng(0).normal(0.1, 1.0, size=(2, 50))}
    assert bootstrap.interval(gaps, 300, 1) == bootstrap.interval(gaps, 300, 1)
    assert bootstrap.interval(gaps, 300, 1) != bootstrap.interval(gaps, 300, 2)


def test_many_prompts_need_little_memory_and_the_parts_change_nothing(monkeypatch):
    gaps = {"nq": np.random.default_rng(0).normal(0.1, 1.0, size=(1, 20_000))}
    tracemalloc.start()
    whole = bootstrap.interval(gaps, 500, 1)  # 160 MB of drawn places
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6
    monkeypatch.setattr(bootstrap, "AT_ONCE", 10_000_000)
    assert bootstrap.interval(gaps, 500, 1) == whole


def test_the_interval_has_the_width_of_the_standard_error():
    gaps = {"nq": np.random.default_rng(0).normal(0.0, 1.0, size=(1, 400))}
    low, high = bootstrap.interval(gaps, draws=4000, seed=0)
    assert high - low == pytest.approx(2 * 1.96 / 400**0.5, rel=0.1)


def test_data_sets_weigh_the_same_whatever_their_size():
    gaps = {"nq": np.ones((1, 1000)), "bioasq": np.zeros((1, 10))}
    assert bootstrap.interval(gaps, draws=50, seed=0) == (0.5, 0.5)


def test_disagreeing_seeds_widen_the_interval():
    agree, disagree = np.full((3, 100), 0.2), np.repeat([[0.0], [0.2], [0.4]], 100, axis=1)
    assert bootstrap.interval({"nq": agree}, 500, 0) == pytest.approx((0.2, 0.2))
    low, high = bootstrap.interval({"nq": disagree}, 2000, 0)
    reach = 4.303 * 0.2 / 3**0.5  # Student's t of two degrees of freedom
    assert (low, high) == (
        pytest.approx(0.2 - reach, rel=0.05),
        pytest.approx(0.2 + reach, rel=0.05),
    )


@pytest.mark.parametrize("seeds, between_seeds", [(1, 0.0), (3, 0.0), (3, 0.1), (3, 0.3), (5, 0.1)])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(seeds, between_seeds):
    """Prompts, seeds and their meeting each deviate; the truth is the mean over all prompts and
    seeds there could be.

    With one seed the interval speaks of prompts alone, so that there must be no other deviation.
    """
    generator, hits = np.random.default_rng(7), 0
    for trial in range(200):
        table = (
            0.3
            + generator.normal(0, 0.5, size=80)
            + generator.normal(0, between_seeds, size=(seeds, 1))
        )
        table = table + (
            generator.normal(0, 0.5, size=(seeds, 80)) if seeds > 1 else np.zeros((1, 80))
        )
        low, high = bootstrap.interval({"nq": table}, draws=300, seed=trial)
        hits += low <= 0.3 <= high
    assert 181 <= hits  # of 200; 190 are promised, and three standard deviations of luck allowed

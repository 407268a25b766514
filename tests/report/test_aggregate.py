"""aggregate: data sets weigh the same, seeds are kept apart, a hole is not averaged away."""

import pytest

from reset.report import aggregate


def row(run, seed, dataset, seen, value, metric="faithfulness"):
    return {
        "run": run,
        "seed": seed,
        "dataset": dataset,
        "seen": seen,
        "metric": metric,
        "value": value,
        "n": 10,
    }


RESULTS = [
    row("mtl", 0, "nq", True, 0.2),
    row("mtl", 0, "ms_marco", True, 0.4),
    row("mtl", 0, "bioasq", False, 0.9),
    row("mtl", 1, "nq", True, 0.4),
    row("mtl", 1, "ms_marco", True, 0.6),
    row("mtl", 1, "bioasq", False, 0.9),
    row("reset", 0, "nq", True, 0.5),
    row("reset", 0, "ms_marco", True, 0.5),
    row("reset", 0, "bioasq", False, 0.8),
]


def test_each_data_set_weighs_the_same_within_a_group():
    averages = aggregate.macro(RESULTS)
    assert averages["mtl", "faithfulness", "seen"] == pytest.approx({0: 0.3, 1: 0.5})
    assert averages["mtl", "faithfulness", "unseen"] == pytest.approx({0: 0.9, 1: 0.9})
    assert averages["mtl", "faithfulness", "overall"] == pytest.approx({0: 0.5, 1: 1.9 / 3})


def test_a_group_with_a_hole_has_no_average():
    averages = aggregate.macro([*RESULTS, row("mtl", 0, "cnn_dailymail", True, None)])
    assert 0 not in averages["mtl", "faithfulness", "seen"]
    assert 0 not in averages["mtl", "faithfulness", "overall"]
    assert averages["mtl", "faithfulness", "unseen"][0] == 0.9


def test_the_spread_is_the_sample_standard_deviation_and_none_for_one_seed():
    spread = aggregate.spread({1: 0.5, 0: 0.3})
    assert spread.mean == pytest.approx(0.4)
    assert spread.sd == pytest.approx(0.02**0.5)
    assert list(spread.by_seed) == [0, 1]
    assert aggregate.spread({0: 0.3}).sd is None
    assert aggregate.spread({}) is None


def test_a_difference_pairs_the_seeds_that_both_runs_have():
    averages = aggregate.macro(RESULTS)
    gap = aggregate.difference(averages, "reset", "mtl", "faithfulness", "seen")
    assert gap.by_seed == pytest.approx({0: 0.2})
    assert aggregate.difference(averages, "reset", "control", "faithfulness", "seen") is None


def test_a_start_model_is_one_number_and_is_paired_with_every_seed():
    rows = [*RESULTS, *[{**given, "run": "chat", "seed": None} for given in RESULTS[:3]]]
    averages = aggregate.macro(rows)
    chat = aggregate.spread(averages["chat", "faithfulness", "seen"])
    assert (chat.mean, chat.sd, chat.by_seed) == (pytest.approx(0.3), None, {None: chat.mean})
    gap = aggregate.difference(averages, "mtl", "chat", "faithfulness", "seen")
    assert gap.by_seed == pytest.approx({0: 0.0, 1: 0.2})
    gap = aggregate.difference(averages, "chat", "mtl", "faithfulness", "seen")
    assert gap.by_seed == pytest.approx({0: 0.0, 1: -0.2})
    assert aggregate.shared_seeds([None], [None]) == [(None, None, None)]


def test_groups_of_ones_own_are_averaged_apart():
    averages = aggregate.macro(RESULTS, lambda given: [given["dataset"][:1]])
    assert averages["mtl", "faithfulness", "n"] == {0: 0.2, 1: 0.4}
    assert ("mtl", "faithfulness", "overall") not in averages


def test_overall_is_no_column_where_it_would_repeat_another():
    rows = [*RESULTS, row("mtl", 0, "alpaca", False, 0.5, "instruction")]
    averages = aggregate.macro(rows)
    assert aggregate.groups_of(averages, "faithfulness") == ("seen", "unseen", "overall")
    assert aggregate.groups_of(averages, "instruction") == ("unseen",)
    assert aggregate.groups_of(averages, "task") == ()

"""plots: what a figure shows is what its table holds."""

import pytest

from reset import aggregate, plots, selection_room


def macro(values):
    return aggregate.macro(
        {"run": run, "seed": seed, "dataset": "d", "seen": False, "metric": metric, "value": value, "n": 1}
        for (run, metric), by_seed in values.items()
        for seed, value in enumerate(by_seed)
    )


AVERAGES = macro(
    {
        ("mtl", "instruction"): [0.5, 0.7], ("mtl", "faithfulness"): [0.6, 0.6], ("mtl", "length"): [10, 12],
        ("reset", "instruction"): [0.8, 0.8], ("reset", "faithfulness"): [0.7, 0.9], ("reset", "length"): [8, 8],
        ("base", "instruction"): [0.1, 0.1],
        **{(run, metric): [0.0, 0.5] for run in ("mtl", "reset") for metric in ("empty", "at_limit")},
    }
)  # fmt: skip


def test_the_scatter_has_a_point_for_each_run_with_both_abilities():
    figure = plots.tradeoff(AVERAGES)
    assert [row["run"] for row in figure.rows] == ["mtl", "reset"]
    assert figure.rows[0]["instruction"] == pytest.approx(6.0)
    assert figure.rows[0]["instruction_sd"] == pytest.approx(10 * 0.02**0.5)
    ((_, svg),) = figure.pictures
    assert svg.count("<circle") == 2 and svg.count('class="arrow"') == 1


def test_bars_stand_only_for_pairs_of_runs_that_are_both_there():
    figure = plots.second_stage(AVERAGES)
    assert {(row["panel"], row["run"], row["when"]) for row in figure.rows} == {
        (metric, run, when)
        for metric in ("instruction", "faithfulness")
        for run, when in (("mtl", "before"), ("reset", "after"))
    }
    assert [caption for caption, _ in figure.pictures] == [plots.TITLES["instruction"], plots.TITLES["faithfulness"]]


def test_length_and_form_are_told_by_family():
    assert plots.length(AVERAGES, {}).rows == [
        {"panel": "context", "run": "mtl", "tokens": 11},
        {"panel": "context", "run": "reset", "tokens": 8},
    ]
    assert plots.form({}, AVERAGES).rows[0] == {"panel": "instruction: empty", "run": "mtl", "share": 0.25}


def test_a_histogram_s_shares_sum_to_one_for_candidates_and_for_winners():
    scores = selection_room.Scores(candidates=[0.0, 1.0, 2.9, 3.0], winners=[3.0], prompts=1)
    figure = plots.scores({"reset": {"context": scores, "instruction": selection_room.Scores()}})
    for kind in ("candidates", "winners"):
        assert sum(row["share"] for row in figure.rows if row["kind"] == kind) == pytest.approx(1)
    assert len(figure.pictures) == 1


def test_training_curves_keep_seeds_apart_and_skip_steps_without_evaluation():
    steps = [{"step": s, "loss": 1 / s, "eval_loss": 0.5 if s == 2 else None} for s in (1, 2, 3)]
    figure = plots.training({"mtl": {0: steps, 1: steps}, "base": {}})
    assert len(figure.rows) == 6
    ((run, svg),) = figure.pictures
    assert run == "mtl" and svg.count("<path") == 2 and svg.count("<circle") == 2

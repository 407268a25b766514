"""plots: what a figure shows is what its table holds."""

import pytest

from reset.report import aggregate, figures, selection_headroom


def macro(values):
    return aggregate.macro(
        {
            "run": run,
            "seed": seed,
            "dataset": "d",
            "seen": False,
            "metric": metric,
            "value": value,
            "n": 1,
        }
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
    figure = figures.tradeoff(AVERAGES)
    assert [row["run"] for row in figure.rows] == ["mtl", "reset"]
    assert figure.rows[0]["instruction"] == pytest.approx(6.0)
    assert figure.rows[0]["instruction_sd"] == pytest.approx(10 * 0.02**0.5)
    ((_, svg),) = figure.pictures
    assert svg.count("<circle") == 2 and svg.count('class="arrow"') == 1


def test_bars_stand_only_for_pairs_of_runs_that_are_both_there():
    figure = figures.second_stage(AVERAGES)
    assert {(row["panel"], row["run"], row["when"]) for row in figure.rows} == {
        (metric, run, when)
        for metric in ("instruction", "faithfulness")
        for run, when in (("mtl", "before"), ("reset", "after"))
    }
    assert [caption for caption, _ in figure.pictures] == [
        figures.TITLES["instruction"],
        figures.TITLES["faithfulness"],
    ]


def test_length_and_form_are_told_by_family():
    assert figures.length(AVERAGES, {}).rows == [
        {"panel": "context", "run": "mtl", "tokens": 11},
        {"panel": "context", "run": "reset", "tokens": 8},
    ]
    assert figures.form({}, AVERAGES).rows[0] == {
        "panel": "instruction: empty",
        "run": "mtl",
        "share": 0.25,
    }


CHECKPOINTS = macro(
    {
        ("chat", "length"): [10, 12],
        ("grounded", "length"): [8, 8],
        ("grounded_end", "length"): [5, 7],
    }
)


def test_length_through_training_goes_from_the_start_over_the_best_to_the_end():
    figure = figures.length_through_training(CHECKPOINTS, {})
    told = [(row["panel"], row["run"], row["checkpoint"], row["value"]) for row in figure.rows]
    panel = "Context-dependent sets"
    assert told == [
        (panel, "grounded", "start", 11),
        (panel, "grounded", "best", 8),
        (panel, "grounded", "end", 6),
    ]
    ((caption, svg),) = figure.pictures
    assert (
        caption == panel
        and svg.count("<circle") == 3
        and svg.count("IF→CD") > 0
        and "CD→IF" not in svg
    )


def test_end_checkpoints_are_no_bars_among_the_runs():
    assert [row["run"] for row in figures.length(CHECKPOINTS, {}).rows] == ["chat", "grounded"]


def test_each_data_set_has_a_curve_over_the_checkpoints_in_its_own_scale():
    rows = [
        {"run": run, "seed": seed, "dataset": name, "metric": metric, "value": value}
        for run, value in (("stage1", 0.4), ("stage2", 0.2), ("stage2_end", None))
        for seed in (0, 1)
        for name, metric in (("nq", "faithfulness"), ("alpaca", "instruction"), ("nq", "task"))
    ]
    figure = figures.checkpoints(rows)
    assert [(row["panel"], row["checkpoint"], row["value"], row["sd"]) for row in figure.rows] == [
        ("nq: faithfulness", "best", 0.4, 0),  # stage1, whose start has no value
        ("nq: faithfulness", "start", 0.4, 0), ("nq: faithfulness", "best", 0.2, 0),
        ("alpaca: IF (of 10)", "best", 4, 0),
        ("alpaca: IF (of 10)", "start", 4, 0), ("alpaca: IF (of 10)", "best", 2, 0),
    ]  # fmt: skip
    assert [caption for caption, _ in figure.pictures] == ["nq: faithfulness", "alpaca: IF (of 10)"]


def test_faithfulness_is_told_by_classes_of_length_before_and_after():
    figure = figures.faithfulness_by_length(
        {"mtl": {1: [1.0, 0.0], 3: [0.0]}, "reset": {3: [1.0, 1.0]}, "base": {0: [1]}}
    )
    assert figure.rows == [
        {"panel": "mtl", "length": "1", "faithfulness": 0.5, "answers": 2},
        {"panel": "mtl", "length": "4–7", "faithfulness": 0.0, "answers": 1},
        {"panel": "reset", "length": "4–7", "faithfulness": 1.0, "answers": 2},
    ]
    ((_, svg),) = figure.pictures
    assert "4–7 tokens (1 of mtl, 2 of reset)" in svg


def test_a_histogram_s_shares_sum_to_one_for_candidates_and_for_winners():
    scores = selection_headroom.Scores(candidates=[0.0, 1.0, 2.9, 3.0], winners=[3.0], prompts=1)
    figure = figures.scores(
        {"reset": {"context": scores, "instruction": selection_headroom.Scores()}}
    )
    for kind in ("candidates", "winners"):
        assert sum(row["share"] for row in figure.rows if row["kind"] == kind) == pytest.approx(1)
    assert len(figure.pictures) == 1


def test_training_curves_keep_seeds_apart_and_skip_steps_without_evaluation():
    steps = [{"step": s, "loss": 1 / s, "eval_loss": 0.5 if s == 2 else None} for s in (1, 2, 3)]
    figure = figures.training({"mtl": {0: steps, 1: steps}, "base": {}})
    assert len(figure.rows) == 6
    ((run, svg),) = figure.pictures
    assert run == "mtl" and svg.count("<path") == 2 and svg.count("<circle") == 2

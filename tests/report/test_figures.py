"""figures: what a figure shows is what its table holds."""

import re

import pytest

from reset.report import aggregate, figures, selection_headroom
from reset.report.reference_length import LONGER, SHORTER


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
        ("mtl", "instruction"): [0.5, 0.7],
        ("mtl", "faithfulness"): [0.6, 0.6],
        ("mtl", "length"): [10, 12],
        ("reset", "instruction"): [0.8, 0.8],
        ("reset", "faithfulness"): [0.7, 0.9],
        ("reset", "length"): [8, 8],
        ("base", "instruction"): [0.1, 0.1],
        **{
            (run, metric): [0.0, 0.5]
            for run in ("mtl", "reset")
            for metric in ("empty", "at_limit")
        },
    }
)


def test_the_scatter_has_a_point_for_each_run_with_both_abilities():
    figure = figures.tradeoff(AVERAGES)
    mtl, reset = figure.rows
    assert (mtl["run"], mtl["role"], reset["run"]) == ("mtl", "multi-task", "reset")
    assert mtl["instruction"] == pytest.approx(6.0)
    assert mtl["instruction_sd"] == pytest.approx(10 * 0.02**0.5)
    assert mtl["start_instruction"] is None  # chat has no point
    assert reset["start_instruction"] == pytest.approx(6.0)
    (svg,) = figure.pictures()
    assert svg.count('font-weight="600"') == 2  # labels


def test_bars_stand_only_for_pairs_of_runs_that_are_both_there():
    figure = figures.second_stage(AVERAGES)
    assert [(row["panel"], row["run"], round(row["value"], 3)) for row in figure.rows] == [
        ("ReSet: faithfulness", "mtl", 0.6),
        ("ReSet: faithfulness", "reset", 0.8),
        ("ReSet: IF (of 10)", "mtl", 6.0),
        ("ReSet: IF (of 10)", "reset", 8.0),
    ]
    assert len(figure.pictures()) == 2


def of_kind(kind, averages):
    return {(run, metric, kind): by_seed for (run, metric, _), by_seed in averages.items()}


def test_length_and_form_have_a_panel_a_family():
    assert figures.length(of_kind("context", AVERAGES)).rows == [
        {"panel": "Context-dependent sets", "run": "mtl", "role": "multi-task", "value": 11},
        {"panel": "Context-dependent sets", "run": "reset", "role": "ReSet", "value": 8},
    ]
    first = figures.form(of_kind("instruction", AVERAGES)).rows[0]
    assert (first["panel"], first["run"], first["value"]) == ("instruction: empty", "mtl", 0.25)


def test_end_checkpoints_are_no_bars_among_the_runs():
    lengths = macro({("chat", "length"): [10], ("grounded_end", "length"): [5]})
    assert [row["run"] for row in figures.length(of_kind("context", lengths)).rows] == ["chat"]


def test_scores_by_length_have_a_panel_a_class_with_the_number_of_answers():
    scores = {SHORTER: {"mtl": [1.0, 0.0], "random": [1.0]}, LONGER: {"reset": [0.5]}}
    faithful = figures.scores_by_length("faithfulness", scores)
    assert [(row["panel"], row["run"], row["value"], row["n"]) for row in faithful.rows] == [
        (SHORTER, "mtl", 0.5, 2),
        (LONGER, "reset", 0.5, 1),
    ]
    assert ">0.500 (n 2)</text>" in faithful.pictures()[0]
    instruction = figures.scores_by_length("instruction", scores)
    assert [row["value"] for row in instruction.rows] == [5.0, 5.0]
    assert ("figure 5" in faithful.title, "figure 7" in instruction.title) == (True, True)


def test_a_histogram_s_shares_sum_to_one_for_candidates_and_for_winners():
    scores = selection_headroom.Scores(candidates=[0.0, 1.0, 2.9, 3.0], winners=[3.0], prompts=1)
    figure = figures.scores(
        {"reset": {"context": scores, "instruction": selection_headroom.Scores()}}
    )
    for kind in ("all candidates", "winners"):
        assert sum(row["share"] for row in figure.rows if row["kind"] == kind) == pytest.approx(1)
    assert len(figure.pictures()) == 1


def test_training_curves_keep_seeds_apart_and_skip_steps_without_evaluation():
    steps = [{"step": s, "loss": 1 / s, "eval_loss": 0.5 if s == 2 else None} for s in (1, 2, 3)]
    figure = figures.training({"mtl": {0: steps, 1: steps}, "base": {}})
    assert len(figure.rows) == 8 and {row["panel"] for row in figure.rows} == {"mtl"}
    (svg,) = figure.pictures()
    # two curves of three steps; an evaluation that stands alone is a dot
    assert len(re.findall(r'<path[^>]*stroke="#0b62c4"', svg)) >= 2 and svg.count("#b35900") >= 2

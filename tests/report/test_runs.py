"""runs: the legend knows the graph's runs."""

from pathlib import Path

import yaml

from reset.core import tasks
from reset.report import paper_claims, runs

STAGES = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]


def test_the_graph_evaluates_exactly_the_runs_of_the_legend_and_the_end_checkpoints():
    asked = yaml.safe_load(Path("params.yaml").read_text())["runs"]
    assert sorted([*asked["start_models"], *asked["evaluated"]]) == sorted(
        [*runs.LEGEND, *runs.ENDS]
    )
    assert asked["start_models"] == [*runs.START_MODELS]


def test_a_two_stage_run_has_its_start_and_its_end_from_the_graph():
    for run, models in runs.CHECKPOINTS.items():
        assert models["start"] == runs.START[run] and models["best"] == run
        assert models["end"] == f"{run}_end" and STAGES[run]["cmd"].endswith(" --end")


def test_every_start_and_comparison_is_between_known_runs():
    named = {
        *runs.START,
        *runs.START.values(),
        *[name for a, b, _ in runs.COMPARISONS for name in (a, b)],
    }
    assert named <= set(runs.LEGEND)
    drifting = {name for comparison in paper_claims.DRIFT for name in comparison[:2]}
    assert drifting <= {*named, *runs.ENDS}
    assert set(runs.KINDS) == set(tasks.TASKS)


def test_unknown_runs_come_last_by_the_alphabet():
    assert runs.ordered(["zeta", "reset", "base", "alpha", "base"]) == [
        "base",
        "reset",
        "alpha",
        "zeta",
    ]

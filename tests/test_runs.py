"""runs: the legend knows the graph's runs."""

from pathlib import Path

import yaml

from reset import runs


def test_the_legend_has_exactly_the_runs_that_the_graph_evaluates():
    matrix = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]["evaluate"]["matrix"]
    assert sorted(matrix["run"]) == sorted(runs.LEGEND)


def test_every_start_and_comparison_is_between_known_runs():
    named = {*runs.START, *runs.START.values(), *[name for a, b, _ in runs.COMPARISONS for name in (a, b)]}
    assert named <= set(runs.LEGEND)


def test_unknown_runs_come_last_by_the_alphabet():
    assert runs.ordered(["zeta", "reset", "base", "alpha", "base"]) == ["base", "reset", "alpha", "zeta"]

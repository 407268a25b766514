"""ablations: experiments that were kept are compared seed by seed with the study at hand."""

import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.evaluation import csv_table, metrics
from reset.report import ablations
from reset.report.ablations import Ablation
from tests.report.test_figures import macro

STUDY = Ablation("this study", macro({("reset", "faithfulness"): [0.6, 0.8, 0.7]}), 0.9)


def keep(folder, change, values):
    rows = [
        {
            "run": "reset",
            "seed": seed,
            "dataset": "nq",
            "seen": False,
            "metric": "faithfulness",
            "value": value,
            "n": 9,
            "measure": "span",
        }
        for seed, value in enumerate(values)
    ]
    csv_table.write(folder / change / "results.csv", metrics.COLUMNS, rows)
    io.write_json(folder / change / "summary.json", {"reset_with_choice": 0.5})


def test_kept_experiments_are_compared_over_the_seeds_that_both_have(tmp_path):
    keep(tmp_path, "ranking.selection=worst", [0.5, 0.5])
    (tmp_path / "README.md").write_text("not an experiment")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    rows = ablations.table(STUDY, ablations.load(tmp_path)).rows
    assert rows[0] == ["this study", "90.0 %", "–", "–", "0.70 ± 0.10", "–", "–", "–"]
    assert rows[1] == [
        "ranking.selection=worst",
        "50.0 %",
        "–",
        "–",
        "0.50 ± 0.00",
        "−0.200 (n = 2)",
        "–",
        "–",
    ]


def test_an_experiment_is_compared_with_the_study_that_it_changes(tmp_path):
    """The study at hand may have other params by now."""
    keep(tmp_path / "kept", "ranking.selection=worst", [0.5, 0.5])
    keep(tmp_path, "study", [0.4, 0.3])
    study = tmp_path / "study/results.csv"
    study.rename(tmp_path / "kept/ranking.selection=worst/study.csv")
    rows = ablations.table(STUDY, ablations.load(tmp_path / "kept")).rows
    assert rows[1][5] == "+0.150 (n = 2)"


def test_without_experiments_there_are_none(tmp_path):
    assert ablations.load(tmp_path) == ablations.load(tmp_path / "absent") == []


def test_a_broken_experiment_is_named(tmp_path):
    keep(tmp_path, "seeds=[1]", [0.5])
    (tmp_path / "seeds=[1]/summary.json").unlink()
    with pytest.raises(InputError, match=r"seeds=\[1\]: .*make ablation"):
        ablations.load(tmp_path)

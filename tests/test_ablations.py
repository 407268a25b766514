"""ablations: experiments that were kept are compared seed by seed with the study at hand."""

import shutil
import subprocess

import pytest

from reset import ablations, csv_table, metrics, records
from reset.ablations import Ablation
from reset.errors import InputError
from tests import clones
from tests.test_plots import macro

STUDY = Ablation("this study", macro({("reset", "faithfulness"): [0.6, 0.8, 0.7]}), 0.9)


def keep(folder, change, values):
    rows = [
        {"run": "reset", "seed": seed, "dataset": "nq", "seen": False, "metric": "faithfulness", "value": value,
         "n": 9, "measure": "span"}
        for seed, value in enumerate(values)
    ]  # fmt: skip
    csv_table.write(folder / change / "results.csv", metrics.COLUMNS, rows)
    records.write_json(folder / change / "summary.json", {"reset_decidable": 0.5})


def test_kept_experiments_are_compared_over_the_seeds_that_both_have(tmp_path):
    keep(tmp_path, "ranking.selection=worst", [0.5, 0.5])
    (tmp_path / "README.md").write_text("not an experiment")
    rows = ablations.table(STUDY, ablations.load(tmp_path)).rows
    assert rows[0] == ["this study", "90.0 %", "–", "–", "0.70 ± 0.10", "–", "–", "–"]
    assert rows[1] == ["ranking.selection=worst", "50.0 %", "–", "–", "0.50 ± 0.00", "−0.200 (n = 2)", "–", "–"]


def test_without_experiments_there_are_none(tmp_path):
    assert ablations.load(tmp_path) == ablations.load(tmp_path / "absent") == []


def test_a_broken_experiment_is_named(tmp_path):
    keep(tmp_path, "seeds=[1]", [0.5])
    (tmp_path / "seeds=[1]/summary.json").unlink()
    with pytest.raises(InputError, match=r"seeds=\[1\]: .*make ablation"):
        ablations.load(tmp_path)


PARAMS = "seeds: [0]\nranking: {selection: best, dev: 0.1}\n"
PIPELINE = """
stages:
  report:
    cmd: mkdir -p metrics && cp params.yaml metrics/results.csv && cp params.yaml metrics/summary.json
    params: [seeds, ranking]
    outs: [metrics/results.csv: {cache: false}, metrics/summary.json: {cache: false}]
"""


@pytest.mark.integration
def test_make_ablation_keeps_the_numbers_of_an_experiment_and_leaves_the_work_tree_alone(tmp_path):
    """The real Makefile and DVC, on a pipeline of one stage that writes its params as its results."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(clones.ROOT / name, tmp_path)
    written = {"params.yaml": PARAMS, "dvc.yaml": PIPELINE, ".gitignore": "/report\n/.venv\n", ".venv/.complete": ""}
    for name, text in written.items():
        records.write_text(tmp_path / name, text)

    def done(*words):
        ran = subprocess.run(words, cwd=tmp_path, env=clones.environment(), capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr

    done("git", "init", "-q")
    clones.dvc(tmp_path, "init", "-q")
    clones.dvc(tmp_path, "repro")
    done("git", "add", "-A")
    done("git", "commit", "-qm", "run")
    done("make", "ablation", "SET=ranking.selection=worst ranking.dev=0.2")
    kept = tmp_path / "report/ablations/ranking.selection=worst ranking.dev=0.2"
    for name in ("results.csv", "summary.json"):
        assert "selection: worst, dev: 0.2" in (kept / name).read_text()
    assert (tmp_path / "params.yaml").read_text() == (tmp_path / "metrics/results.csv").read_text() == PARAMS

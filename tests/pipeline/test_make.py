"""Makefile: `make ablation` and `make study`, with DVC for real, on a pipeline of two stages.

The first stands for all that is costly; the second writes the params as its results.
"""

import shutil
import subprocess

import pytest

from reset.core import io
from tests.support import clones

pytestmark = pytest.mark.integration
PARAMS = "seeds: [0]\nranking: {selection: best, dev: 0.1}\n"
NUMBERS = [f"metrics/{name}" for name in ("results.csv", "intervals.csv", "summary.json")]
OUTS = [*NUMBERS, "report/report.md", "report/plots/a.svg"]
PIPELINE = f"""
stages:
  sample:
    cmd: cp params.yaml samples.txt
    params: [seeds]
    outs: [samples.txt]
  report:
    deps: [samples.txt]
    cmd: test ! -e broken && mkdir -p metrics report/plots && tee {" ".join(OUTS)} < params.yaml
    params: [seeds, ranking]
    outs: [{", ".join(f"{out}: {{cache: false}}" for out in OUTS)}]
"""


@pytest.fixture
def project(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(clones.ROOT / name, tmp_path)
    written = {
        "params.yaml": PARAMS,
        "dvc.yaml": PIPELINE,
        ".venv/.complete": "",
        "scripts/show.py": "print('shown')",
        "scripts/study_pages.py": "",
    }
    for name, text in {**written, ".gitignore": "/.venv\n/broken\n"}.items():
        io.write_text(tmp_path / name, text)
    clones.git(tmp_path, "init", "-q")
    clones.dvc(tmp_path, "init", "-q")
    clones.dvc(tmp_path, "repro")
    clones.git(tmp_path, "add", "-A")
    clones.git(tmp_path, "commit", "-qm", "run")
    return tmp_path


def make(project, *words):
    environment = {
        name: value for name, value in clones.environment().items() if not name.startswith("MAKE")
    }
    return subprocess.run(
        ["make", *words], cwd=project, env=environment, capture_output=True, text=True
    )


def changed(project):
    return clones.git(project, "status", "--porcelain", "--untracked-files=all").split()[1::2]


def test_an_ablation_keeps_the_numbers_of_an_experiment_and_leaves_the_work_tree_alone(project):
    changes = "ranking.selection=worst ranking.dev=0.2"
    for _ in range(2):  # the second replaces the first, and finds its result in the run cache
        done = make(project, "ablation", f"SET={changes}")
        assert done.returncode == 0, done.stdout + done.stderr
        assert set(clones.ran(done.stdout)) <= {"report"}
        for name in ("results.csv", "summary.json"):
            kept = project / "report/ablations" / changes / name
            assert "selection: worst, dev: 0.2" in kept.read_text()
        assert (kept.parent / "study.csv").read_text() == PARAMS
    assert (
        (project / "params.yaml").read_text()
        == (project / "metrics/results.csv").read_text()
        == PARAMS
    )


def test_an_ablation_reruns_what_is_downstream(project):
    done = make(project, "ablation", "SET=seeds=[7]")
    assert clones.ran(done.stdout) == ["sample", "report"]


def test_an_ablation_that_changes_nothing_is_kept_too(project):
    done = make(project, "ablation", "SET=ranking.dev=0.1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert clones.ran(done.stdout) == []
    assert (project / "report/ablations/ranking.dev=0.1/results.csv").read_text() == PARAMS


def test_a_study_keeps_its_small_files_and_puts_everything_else_back(project):
    done = make(project, "study", "SEEDS=1,2")
    assert done.returncode == 0 and "shown" in done.stdout, done.stdout + done.stderr
    kept = ["intervals.csv", "plots/a.svg", "report.md", "results.csv"]
    assert changed(project) == [f"report/study/{name}" for name in kept]
    assert all("seeds: [1,2]" in (project / "report/study" / name).read_text() for name in kept)


def test_a_study_that_fails_puts_everything_back_too(project):
    (project / "broken").touch()
    assert make(project, "study", "SEEDS=1").returncode != 0
    assert changed(project) == [] and (project / "params.yaml").read_text() == PARAMS
    (project / "broken").unlink()
    assert make(project, "study", "SEEDS=1").returncode == 0


def test_a_study_wants_the_seeds_on_one_line(project):
    (project / "params.yaml").write_text(PARAMS.replace("[0]", "\n- 0"))
    clones.git(project, "commit", "-qam", "seeds in a list")
    done = make(project, "study")
    assert done.returncode != 0 and "'seeds' must stand on one line" in done.stdout
    assert changed(project) == []


def test_a_study_wants_a_clean_work_tree(project):
    (project / "params.yaml").write_text(PARAMS + "mine: 1\n")
    done = make(project, "study")
    assert done.returncode != 0 and "commit your changes first" in done.stdout
    assert changed(project) == ["params.yaml"]

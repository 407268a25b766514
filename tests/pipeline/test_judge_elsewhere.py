"""Judging on a machine that has neither GPU nor trained models, by the commands of docs/a100.md: a
graph of the same names, whose stages note each time that they run.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support import clones

pytestmark = pytest.mark.integration
STAGES = {  # stage -> what it reads and what it writes
    "mtl": ("rows.txt", "model"),
    "sample": ("model", "samples"),
    "judge_samples_instruction": ("samples", "verdicts"),
    "rank": ("verdicts", "best"),
}


@pytest.fixture
def box(tmp_path):
    """The machine that trains, with a remote that both machines reach."""
    folder = tmp_path / "box"
    folder.mkdir()
    (folder / "rows.txt").write_text("rows\n")
    stages = {}
    for name, (read, written) in STAGES.items():
        dep = read if read == "rows.txt" else f"{read}_${{item.seed}}.txt"
        out = f"{written}_${{item.seed}}.txt"
        command = f"echo {name} >> {tmp_path}/ran.txt && cp {dep} {out}"
        stages[name] = {"matrix": {"seed": [0]}, "cmd": command, "deps": [dep], "outs": [out]}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    (folder / ".gitignore").write_text("/*_0.txt\n")
    run(folder, "git", "init", "-q")
    run(folder, "dvc", "init", "-q")
    run(folder, "dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    commit(folder, "a project")
    return folder


def run(folder: Path, *words: str) -> None:
    environment = clones.environment()
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def commit(folder: Path, message: str) -> None:
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "-qm", message)


def test_samples_are_judged_on_another_machine_and_only_the_rest_runs_here(box, tmp_path):
    run(box, "dvc", "repro", "sample")
    run(box, "dvc", "push", "sample")
    commit(box, "sample")

    run(tmp_path, "git", "clone", "-q", str(box), "small")
    small = tmp_path / "small"
    run(small, "dvc", "pull", "sample")
    run(small, "dvc", "repro", "--single-item", "judge_samples_instruction")
    run(small, "dvc", "push", "judge_samples_instruction")
    assert not (small / "model_0.txt").exists()
    commit(small, "judge")

    run(box, "git", "pull", "-q", str(small))
    run(box, "dvc", "pull", "judge_samples_instruction")
    run(box, "dvc", "repro")
    assert (tmp_path / "ran.txt").read_text().split() == list(STAGES)
    assert (box / "best_0.txt").read_text() == "rows\n"

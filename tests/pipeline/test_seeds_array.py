"""configs/launch/seeds.sh as a Slurm array runs it: each seed in a clone of its own, and what they
computed is there for the checkout that they came from.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support import clones

pytestmark = pytest.mark.integration
SCRIPT = clones.ROOT / "configs/launch/seeds.sh"


@pytest.fixture
def checkout(tmp_path):
    """A DVC project with one stage a seed, which notes each time that it runs."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "params.yaml").write_text("seeds: [0, 1]\n")
    (folder / "rows.txt").write_text("rows\n")
    command = f"echo ran >> {tmp_path}/ran.txt && cp rows.txt model_${{item.seed}}.txt"
    command += " && echo step,loss > curve_${item.seed}.csv"
    stage = {
        "matrix": {"seed": "${seeds}"},
        "cmd": command,
        "deps": ["rows.txt"],
        "outs": ["model_${item.seed}.txt"],
        "plots": [{"curve_${item.seed}.csv": {"cache": False}}],  # as those of training
    }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": stage}}))
    (folder / ".gitignore").write_text(".work/\n/model_*\n")
    for words in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(words, cwd=folder, env=clones.environment(), check=True)
    clones.git(folder, "add", "--all")
    clones.git(folder, "commit", "-qm", "a project")
    return folder


def run(folder: Path, *words: str, **variables: str) -> str:
    environment = clones.environment() | variables
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_seeds_run_in_clones_and_the_checkout_takes_what_they_made(checkout, tmp_path):
    for seed in "01":
        run(checkout, "bash", str(SCRIPT), SLURM_ARRAY_TASK_ID=seed)
        assert (checkout / f".work/seeds/{seed}/model_{seed}.txt").read_text() == "rows\n"
    ran = tmp_path / "ran.txt"
    assert ran.read_text().split() == ["ran", "ran"]
    run(checkout, "dvc", "repro")
    assert ran.read_text().split() == ["ran", "ran"]
    assert (checkout / "model_1.txt").read_text() == "rows\n"


def test_a_clone_of_an_earlier_commit_is_brought_to_the_checkout_s(checkout, tmp_path):
    run(checkout, "bash", str(SCRIPT), SLURM_ARRAY_TASK_ID="1")
    (checkout / "rows.txt").write_text("other rows\n")
    clones.git(checkout, "commit", "-qam", "other rows")
    run(checkout, "bash", str(SCRIPT), SLURM_ARRAY_TASK_ID="1")
    assert (checkout / ".work/seeds/1/model_1.txt").read_text() == "other rows\n"


def test_seeds_that_cannot_be_set_stop_the_task(checkout):
    (checkout / "params.yaml").write_text("seeds:\n- 0\n- 1\n")
    clones.git(checkout, "commit", "-qam", "seeds on lines of their own")
    with pytest.raises(AssertionError, match="write the seeds on one line"):
        run(checkout, "bash", str(SCRIPT), SLURM_ARRAY_TASK_ID="1")
    assert not (checkout / ".work/seeds/1/model_1.txt").exists()

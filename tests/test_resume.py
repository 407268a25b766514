"""A training stage that `dvc repro` runs, killed together with DVC itself, and `dvc repro` again."""

import dataclasses
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests import clones
from tests.tiny_llama import job

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]
WORDS = "mtl --run mtl --seed 0 --start start --train train.jsonl --dev dev.jsonl"
ENVIRONMENT = clones.environment() | {"PYTHONPATH": str(clones.ROOT / "src"), "OMP_NUM_THREADS": "1"}


def project(folder: Path) -> Path:
    """A DVC project with the one stage, on a tiny model and rows that take some seconds."""
    settings = job(folder, count=1200, eval_every=10, save_every=20)
    train = {"shared": dataclasses.asdict(settings.shared), "mtl": dataclasses.asdict(settings.recipe)}
    stage = {
        "cmd": f"{shlex.join([sys.executable, str(clones.ROOT / 'stages/train.py')])} {WORDS}",
        "deps": ["start", "train.jsonl", "dev.jsonl"],
        "params": ["train.shared", "train.mtl"],
        "outs": ["models/mtl_0", {"metrics/train/mtl_0.csv": {"cache": False}}],
    }
    (folder / "profiles").mkdir()
    for name in ("params.yaml", "profiles/paper.yaml"):
        (folder / name).write_text(yaml.safe_dump({"train": train}))
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"mtl": stage}}))
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q", "--no-scm"], cwd=folder, env=ENVIRONMENT, check=True)
    return folder


def repro(folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "dvc", "repro"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, start_new_session=True, **pipes)


def test_a_run_killed_at_a_random_step_ends_as_one_that_was_not(tmp_path_factory):
    whole, killed = (project(tmp_path_factory.mktemp(name)) for name in ("whole", "killed"))
    process = repro(whole)
    assert process.communicate()[0] and process.returncode == 0

    process = repro(killed)
    while not list(killed.glob(".work/train/mtl_0/*/checkpoint-*/rng_state.pth")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    time.sleep(random.uniform(0, 1.5))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not (killed / "models/mtl_0").exists()

    process = repro(killed)
    said = process.communicate()[0]
    assert process.returncode == 0 and "resuming from" in said, said
    assert (killed / "dvc.lock").read_text() == (whole / "dvc.lock").read_text()
    assert not (killed / ".work/train/mtl_0").exists()

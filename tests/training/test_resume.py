"""A training stage that `dvc repro` runs, killed together with DVC itself, and `dvc repro`
again.
"""

import dataclasses
import random
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support import clones
from tests.support.tiny_llama import job

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]
WORDS = "mtl 0 --start start --data ."
# the stage's script; where a file says after how many steps, it kills itself and the DVC that runs
# it
TRAIN = """
import os, runpy, signal
from pathlib import Path
from reset.training import trainer
train, kill = trainer.CompletionTrainer.training_step, Path("kill_after")
def step(self, *args, **kwargs):
    if kill.exists() and self.state.global_step == int(kill.read_text()):
        kill.unlink()
        os.killpg(0, signal.SIGKILL)
    return train(self, *args, **kwargs)
trainer.CompletionTrainer.training_step = step
runpy.run_path({script!r}, run_name="__main__")
"""
ENVIRONMENT = clones.environment() | {
    "PYTHONPATH": str(clones.ROOT / "src"),
    "OMP_NUM_THREADS": "1",
}


def project(folder: Path) -> Path:
    """A DVC project with the one stage, on a tiny model: 50 steps."""
    settings = job(folder, count=400, eval_every=10, save_every=20)
    train = {
        "shared": dataclasses.asdict(settings.shared),
        "mtl": dataclasses.asdict(settings.recipe),
    }
    (folder / "train.py").write_text(TRAIN.format(script=str(clones.ROOT / "stages/train.py")))
    stage = {
        "cmd": f"{shlex.join([sys.executable, 'train.py'])} {WORDS}",
        "deps": ["start", "train.jsonl", "dev.jsonl"],
        "params": ["train.shared", "train.mtl"],
        "outs": ["models/mtl_0", {"metrics/train/mtl_0.csv": {"cache": False}}],
    }
    (folder / "profiles").mkdir()
    for name in ("params.yaml", "profiles/paper.yaml"):
        (folder / name).write_text(yaml.safe_dump({"train": train}))
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"mtl": stage}}))
    subprocess.run(
        [sys.executable, "-m", "dvc", "init", "-q", "--no-scm"],
        cwd=folder,
        env=ENVIRONMENT,
        check=True,
    )
    return folder


def repro(folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "dvc", "repro"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, start_new_session=True, **pipes)


def test_a_run_killed_at_a_random_step_ends_as_one_that_was_not(tmp_path_factory):
    whole, killed = (project(tmp_path_factory.mktemp(name)) for name in ("whole", "killed"))
    process = repro(whole)
    assert process.communicate()[0] and process.returncode == 0

    steps = random.randrange(21, 50)
    (killed / "kill_after").write_text(str(steps))
    process = repro(killed)
    said = process.communicate()[0]
    assert process.returncode == -signal.SIGKILL, said
    assert not (killed / "models/mtl_0").exists()

    process = repro(killed)
    said = process.communicate()[0]
    assert process.returncode == 0 and f"checkpoint-{steps // 20 * 20}" in said, (steps, said)
    assert (killed / "dvc.lock").read_text() == (whole / "dvc.lock").read_text()
    assert not (killed / ".work/train/mtl_0").exists()
    loss = (killed / ".work/live/mtl_0/plots/metrics/loss.tsv").read_text().splitlines()[1:]
    assert [line.split("\t")[0] for line in loss] == ["10", "20", "30", "40", "50"], (steps, loss)

"""What tests share: Hypothesis' settings and, once a session, the finished small world, vLLM and a
real model.
"""

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, settings

from tests.support import clones
from tests.support.real_parts import smollm2, vllm_python, vllm_server

JUDGES = ("faithfulness", "instruction")
__all__ = ["runs", "smollm2", "vllm_python", "vllm_server", "world"]

# a busy machine is no failure: no example has a deadline, and none is too slow to draw; the same
# examples each time, so that a failure is that of a change
settings.register_profile(
    "patient",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Two clean clones, side by side: one after `dvc repro`, and one after the verdicts on `reset`,
    with every stage on the way there.
    """
    targets = {"whole": [], "reset": [f"judge_predictions_{name}@reset-1" for name in JUDGES]}
    environment = clones.environment() | {"OMP_NUM_THREADS": "1"}
    folders, started = [], []
    for name, words in targets.items():
        folder = clones.copy(tmp_path_factory.mktemp(name), clones.SMALL, fresh=True)
        command = [sys.executable, "-m", "dvc", "repro", *words]
        with open(folder / "repro.log", "w") as log:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        folders.append(folder)
        started.append(process)
    for folder, process in zip(folders, started, strict=True):
        assert process.wait() == 0, (folder / "repro.log").read_text()[-4000:]
        (folder / "repro.log").unlink()
    clones.git(folders[0], "add", "-A")
    clones.git(folders[0], "commit", "-qm", "results")
    return folders


@pytest.fixture
def world(runs):
    """The first clone, whatever is tracked as after the run, on a commit with the results."""
    folder = runs[0]
    yield folder
    clones.git(folder, "checkout", "-q", ".")
    clones.git(folder, "clean", "-qfd")
    clones.dvc(folder, "checkout", "-q", "--force")

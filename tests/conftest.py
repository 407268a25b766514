"""What tests share: Hypothesis' settings and, once a session, the finished small world, vLLM and a
real model.
"""

import pytest
from hypothesis import HealthCheck, settings

from tests.support import clones, warm
from tests.support.real_parts import smollm2, vllm_python, vllm_server

__all__ = ["finished", "smollm2", "vllm_python", "vllm_server", "world"]

# a busy machine is no failure: no example has a deadline, and none is too slow to draw; the same
# examples each time, so that a failure is that of a change
settings.register_profile(
    "patient",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def _warm_process_ends():
    yield
    warm.stop()


@pytest.fixture
def quick_stages():
    """From now on, only the first process of each stage imports torch anew."""
    warm.start()


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A clean clone after `dvc repro` of the small world, on a commit with the results."""
    warm.start()
    folder = clones.copy(tmp_path_factory.mktemp("finished"), clones.SMALL, fresh=True)
    clones.dvc(folder, "repro")
    clones.git(folder, "add", "-A")
    clones.git(folder, "commit", "-qm", "results")
    return folder


@pytest.fixture
def world(finished):
    """The finished clone; what git tracks and what stages write are put back after the test."""
    yield finished
    stages_ran = clones.git(finished, "diff", "--name-only", "dvc.lock")
    clones.git(finished, "checkout", "-q", ".")
    clones.git(finished, "clean", "-qfd")
    if stages_ran:
        clones.dvc(finished, "checkout", "-q", "--force")

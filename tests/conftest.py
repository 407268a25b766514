"""What tests share: Hypothesis' settings and, once a session, the finished small world, vLLM and a
real model.
"""

import pytest
from hypothesis import HealthCheck, settings

from tests.support import clones
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


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A clean clone after `dvc repro` of the small world, on a commit with the results."""
    folder = clones.copy(tmp_path_factory.mktemp("finished"), clones.SMALL, fresh=True)
    clones.dvc(folder, "repro")
    clones.git(folder, "add", "-A")
    clones.git(folder, "commit", "-qm", "results")
    return folder


@pytest.fixture
def world(finished):
    """The finished clone, whatever is tracked as after the run."""
    yield finished
    clones.git(finished, "checkout", "-q", ".")
    clones.git(finished, "clean", "-qfd")
    clones.dvc(finished, "checkout", "-q", "--force")

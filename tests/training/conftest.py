"""What tests of training share."""

import pytest

from tests.support import warm


@pytest.fixture(scope="session", autouse=True)
def _warm_process_ends():
    yield
    warm.stop()


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """An empty folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path

"""What tests of training share."""

import pytest


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """An empty folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path

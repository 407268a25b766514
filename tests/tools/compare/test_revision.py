import os

import pytest
from dvc_data.index import DataIndexDirError

from reset.core import io
from reset.core.errors import InputError
from reset.tools.compare import revision
from tests.support import clones


@pytest.fixture
def below(tmp_path, monkeypatch):
    """A DVC project in a folder of a larger git repository."""
    folder = tmp_path / "larger/project"
    io.write_text(folder / "params.yaml", "seeds: [1]\n")
    clones.git(folder.parent, "init", "-q")
    clones.dvc(folder, "init", "-q", "--subdir")
    clones.git(folder, "add", "-A")
    clones.git(folder, "commit", "-qm", "project")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", ["HEAD", "workspace"])
def test_a_project_inside_a_larger_repository_is_found(below, tmp_path, name):
    with pytest.raises(InputError, match=f"^{name}: it has no dvc.yaml; "):
        revision.fetch(name, tmp_path / "copy")
    assert (tmp_path / "copy/params.yaml").read_text() == "seeds: [1]\n"


def test_what_lies_in_a_folder_that_nothing_has_is_missing(below, tmp_path, monkeypatch):
    """As of a clone that has neither run nor pulled: DVC cannot list the folder."""
    from dvc.api import DVCFileSystem

    def refuse(self, path):
        raise DataIndexDirError("failed to load directory") from FileNotFoundError(path)

    monkeypatch.setattr(DVCFileSystem, "cat_file", refuse)
    files = {}
    assert not revision._copy(DVCFileSystem(), "/", "data/answers/base.jsonl", tmp_path, files)
    assert not files


def test_a_remote_that_refuses_is_named(below, tmp_path, monkeypatch):
    """Keys for a bucket run out, and each kind of remote says so by errors of its own."""
    from dvc.api import DVCFileSystem

    def refuse(self, path):
        raise PermissionError("The provided token\nhas expired.")

    monkeypatch.setattr(DVCFileSystem, "cat_file", refuse)
    said = r"params.yaml: the remote does not give it \(PermissionError: .*token has expired"
    with pytest.raises(InputError, match=said):
        revision.fetch("HEAD", tmp_path / "copy")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_a_repository_that_git_distrusts_is_named(below, tmp_path):
    for path in (below.parent, *below.parent.rglob("*")):
        os.chown(path, 12345, 12345)
    with pytest.raises(InputError, match="not owned by current user.*safe.directory"):
        revision.fetch("HEAD", tmp_path / "copy")

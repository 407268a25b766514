import sys
from pathlib import Path

import pytest

from reset.core.errors import InputError
from reset.training import launch


def test_one_process_leads_and_is_alone_unless_a_launcher_says_otherwise(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert (launch.inside(), launch.rank(), launch.processes()) == (False, 0, 1)
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert (launch.inside(), launch.rank(), launch.processes()) == (True, 3, 8)


def test_the_script_runs_again_under_the_command_with_its_own_arguments(tmp_path, monkeypatch):
    script = tmp_path / "train.py"
    script.write_text(
        "import pathlib\nfrom reset.training import launch\n"
        "pathlib.Path('seen').write_text(str(launch.arguments()))"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py", "--run", "mtl", "--dev", "a b"])
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))
    assert launch.arguments() == ["--run", "mtl", "--dev", "a b"]
    launch.relaunch(f"env RANK=0 {sys.executable}")  # as torchrun and deepspeed set it
    assert (tmp_path / "seen").read_text() == "['--run', 'mtl', '--dev', 'a b']"


def test_a_command_that_fails_or_is_not_there_is_named():
    with pytest.raises(InputError, match="'false' ended with code 1"):
        launch.relaunch("false")
    for command in ("no-such-launcher --nproc 8", ""):
        with pytest.raises(InputError, match="does not begin with a command that can be run"):
            launch.relaunch(command)


def test_what_a_cluster_sets_is_ignored_by_name_unless_the_launcher_set_it(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setattr(sys, "argv", ["train.py", "launched mtl --run mtl"])
    launch.ignore_cluster()
    assert launch.inside() and launch.arguments() == ["mtl", "--run", "mtl"]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys, "argv", ["train.py", "mtl", "--run", "mtl"])
    launch.ignore_cluster()
    assert (launch.inside(), launch.rank(), launch.processes()) == (False, 0, 1)
    assert launch.arguments() == ["mtl", "--run", "mtl"]
    said = capsys.readouterr().err
    assert "ignored, since params.yaml decides: RANK=3, WORLD_SIZE=8" in said

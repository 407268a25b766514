import os
import subprocess
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


def test_the_slurm_job_hands_its_cores_and_its_meeting_point_to_the_processes(tmp_path):
    """The script itself, with the two commands that it calls replaced by ones that answer."""
    script = Path(__file__).parents[2] / "configs/launch/slurm.sh"
    commands = {
        "scontrol": "printf 'box1\\nbox2\\n'",
        "dvc": 'echo "$SRUN_CPUS_PER_TASK $RESET_RENDEZVOUS $*"',
    }
    for name, body in commands.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    slurm = {"SLURM_JOB_NODELIST": "box[1-2]", "SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "64"}
    environment = {**os.environ, **slurm, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", str(script), "mtl@0"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "64 box1:20007 repro --single-item mtl@0\n"

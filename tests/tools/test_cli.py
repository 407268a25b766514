"""reset-llm: each command is a script of the project, and --help runs nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reset.tools import cli

ROOT = Path(__file__).parents[2]


def run(*words, cwd=ROOT):
    command = [sys.executable, "-m", "reset.tools.cli", *words]
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_lists_every_command(words, tmp_path):
    said = run(*words, cwd=tmp_path).stdout
    assert [name for name in cli.COMMANDS if f"  {name} " not in said] == []


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_help_of_a_command_runs_nothing(name):
    done = run(name, "--help")
    assert done.returncode == 0 and f"usage: reset-llm {name}" in done.stdout, done.stderr


def test_every_command_but_tune_is_a_script():
    assert [
        n for n in cli.COMMANDS if n != "tune" and not (ROOT / f"scripts/{n}.py").is_file()
    ] == []


def test_outside_the_project_one_line_says_so(tmp_path):
    done = run("show", cwd=tmp_path)
    assert done.returncode == 1 and "run reset-llm in the project's folder" in done.stderr


def test_tune_runs_stages_by_its_own_python(monkeypatch):
    """Debian has no `python`, and nothing says that the environment must be activated."""
    paths = []

    def repro(command, env):
        paths.append(env["PATH"].split(os.pathsep)[0])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(cli.subprocess, "run", repro)
    monkeypatch.setattr(cli, "run_script", lambda name, arguments: None)
    cli.tune()  # on the demo's params.yaml
    assert paths == [str(Path(sys.executable).parent)] * 3


def test_an_unknown_command_is_named():
    done = run("tone")
    assert done.returncode == 1 and "no command 'tone'" in done.stderr


def test_tune_refuses_what_it_would_not_heed(monkeypatch, tmp_path):
    done = run("tune", "profiles/one_gpu.yaml")
    assert done.returncode == 1 and "tune takes no argument, got 'profiles/one_gpu.yaml'" in (
        done.stderr
    )


def test_an_engine_that_is_missing_is_named_before_anything_is_trained(monkeypatch):
    settings = {"sampling": {"engine": "vllm"}}
    monkeypatch.setattr(cli, "run_python", lambda words, environment: None)
    monkeypatch.setattr(cli.params, "load_checked", lambda: settings)
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="sampling.engine is vllm, which is not installed; run"):
        cli.tune()


def test_tune_says_in_a_line_what_is_wrong_of_params(tmp_path):
    for name in ("stages", "scripts", "profiles", "dvc.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "params.yaml").write_text("seeds: [")
    done = run("tune", cwd=tmp_path)
    assert done.returncode and "params.yaml:2: not YAML" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr

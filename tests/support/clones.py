"""Copies of the project as a user would clone it, for tests that run DVC."""

import copy as copying
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.support import warm

ROOT = Path(__file__).parents[2]
PLACES = ("report/ablations/", "metrics/benchmarks/README")  # folders that are there from the start
DATASETS = yaml.safe_load((ROOT / "params.yaml").read_text())["data"]["datasets"]
SETS = ("dolly", "nq", "ms_marco", "cnn_dailymail", "alpaca", "bioasq")
SMALL = {  # a world in which every kind of stage runs, with half of the stages
    "seeds": [1],
    "data.datasets": {name: DATASETS[name] for name in SETS},
    "runs.pools": ["reset"],
    "runs.continued": ["reset", "random"],
    "runs.evaluated": ["stage1", "stage1_end", "mtl", "direct", "reset"],
    "data.dev": 4,
    "data.world.context_rows": 60,
    "data.world.instruction_rows": 30,
    "data.world.evaluation_rows": 12,
    "models.toy.base.steps": 20,
    "models.toy.chat.steps": 10,
    "models.toy.nli.steps": 20,
    "sampling.workers": 1,
    "sampling.pools.reset.prompts_per_dataset": 8,
    "sampling.pools.reset_s.prompts_per_dataset": 4,
    "judges.max_missing": 1.0,
    "report.draws": 100,
    "report.samples": 8,
}


def copy(folder: Path, changes: dict | None = None, fresh: bool = False) -> Path:
    """A git repository in `folder` with the project's present files, committed.

    `changes` are set in params.yaml by dotted key; `fresh` leaves out what a run has written
    (dvc.lock, metrics, report).
    """
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        written = name.startswith(("dvc.lock", "metrics/", "report/"))
        written = written and not name.startswith(PLACES)
        source = ROOT / name  # .dvc/plots is a link to a folder
        if (source.is_file() or source.is_symlink()) and not (fresh and written):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name, follow_symlinks=False)
    if changes:
        path = folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        for key, value in changes.items():
            *parents, last = key.split(".")
            section = params
            for part in parents:
                section = section[part]
            section[last] = copying.deepcopy(value)
        path.write_text(yaml.safe_dump(params, sort_keys=False))
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "copy"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    return folder


def environment() -> dict[str, str]:
    """The environment of a user who has activated the virtual environment and has git's name
    set; where warm.py runs, its `python` comes first.
    """
    folders = [*warm.places(), str(Path(sys.executable).parent), os.environ["PATH"]]
    here = {"PATH": os.pathsep.join(folders)}
    author = {
        f"GIT_{who}_{what}": "test@example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    return os.environ | here | author


def dvc(folder: Path, *words: str, check: bool = True) -> str:
    """Run dvc in `folder`; what it printed. An AssertionError with that when it fails and `check`
    is set.
    """
    command = [sys.executable, "-m", "dvc", *words]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0 or not check, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


def git(folder: Path, *words: str) -> str:
    """Run git in `folder`; what it printed."""
    done = subprocess.run(
        ["git", *words], cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def documented(heading: str) -> list[str]:
    """The blocks of commands below a heading of docs/change-propagation.md."""
    text = (
        (ROOT / "docs/change-propagation.md")
        .read_text()
        .split(f"\n## {heading}\n")[1]
        .split("\n## ")[0]
    )
    return re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)


def shell(folder: Path, commands: str, instead: Mapping[str, str]) -> str:
    """Run documented commands in `folder`; what they printed. An AssertionError with that when one
    fails.

    The small world's seed stands for the documents', and the environment of the tests for that of
    `make setup`. `instead` replaces addresses.
    """
    for old, new in {
        "make setup\nsource .venv/bin/activate\n": "",
        "make ": "make -so setup ",
        **instead,
    }.items():
        commands = commands.replace(old, new)
    commands = re.sub(r"(?<=[_-])31\b", str(SMALL["seeds"][0]), commands)
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def ran(output: str) -> list[str]:
    """The stages that `dvc repro` or `dvc exp run` said it runs."""
    return re.findall(r"Running stage '([^']+)'", output)

"""How a report came about: git revision, versions, seconds of each stage, cost. All that differs
from run to run.
"""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from reset.core.errors import TIMES
from reset.report import data_statistics
from reset.report.table import Table

PACKAGES = (
    "torch",
    "transformers",
    "datasets",
    "dvc",
    "deepspeed",
    "peft",
    "vllm",
    "openai",
    "summac",
)
COST = Path("metrics/cost.json")  # written by `make estimate`


def parts() -> list[Table]:
    """The tables, from the git repository and the files of the present folder; those without rows
    are left out.
    """
    return [table for table in (_versions(), _times(), _cost()) if table.rows]


def _versions() -> Table:
    rows = [
        ["git revision", _revision()],
        ["machine", f"{platform.platform()}, {os.cpu_count()} CPUs"],
    ]
    rows.append(["Python", platform.python_version()])
    installed = {package.metadata["Name"]: package.version for package in metadata.distributions()}
    rows += [[name, installed[name]] for name in PACKAGES if name in installed]
    return Table("Versions", ["what", "version"], rows, labels=2)


def _revision() -> str:
    """The commit that is checked out, and whether files that git tracks differ from it."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    if commit is None or changes is None:
        return "no git repository"
    return f"{commit}, with changes that are not committed" if changes else commit


def _git(*words: str) -> str | None:
    done = subprocess.run(["git", *words], capture_output=True, text=True)
    return None if done.returncode else done.stdout.strip()


def _times() -> Table:
    """Seconds by stage, over the last run of each of its items here."""
    lines = TIMES.read_text(encoding="utf-8").splitlines() if TIMES.exists() else []
    last = {}
    for line in lines:
        item, seconds = line.rsplit(",", 1)
        last[item] = float(seconds)
    by_stage: dict[str, list[float]] = {}
    for item, value in last.items():
        by_stage.setdefault(item.split("@")[0], []).append(value)
    rows = []
    for stage, spent in sorted(by_stage.items(), key=lambda entry: -sum(entry[1])):
        each = sum(spent) / len(spent)
        rows.append([stage, str(len(spent)), f"{each:.1f}", f"{sum(spent):.1f}"])
    columns = ["stage", "items", "s each", "s all"]
    if not rows:
        return Table("Seconds by stage", columns, rows)
    rows.append(["all", str(len(last)), "", f"{sum(last.values()):.1f}"])
    note = (
        "The last run of each item on this machine, without the start of Python. What came from the"
        " cache has none."
    )
    return Table("Seconds by stage", columns, rows, notes=[note])


def _cost() -> Table:
    """What the LLM judge's calls have cost by stage and model, where there were any."""
    spent = data_statistics.read_json(COST)["stages"] if COST.exists() else []
    columns = ["stage", "model", "calls", "prompt_tokens", "completion_tokens", "usd"]
    rows = []
    for row in spent:
        cells = [row["stage"], row["model"]]
        rows.append([*cells, *[f"{row[key]:,}" for key in columns[2:]]])
    names = [name.replace("_", " ") for name in columns]
    return Table("The LLM judge's calls so far", names, rows, labels=2)

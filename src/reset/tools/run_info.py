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
from reset.report.tables import Table

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
    told = [
        subprocess.run(["git", *words], capture_output=True, text=True)
        for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
    ]
    if any(done.returncode for done in told):
        return "no git repository"
    return told[0].stdout.strip() + (
        ", with changes that are not committed" if told[1].stdout.strip() else ""
    )


def _times() -> Table:
    """Seconds by stage, over the last run of each of its items here."""
    lines = TIMES.read_text(encoding="utf-8").splitlines() if TIMES.exists() else []
    last = {name: float(seconds) for name, seconds in (line.rsplit(",", 1) for line in lines)}
    by_stage: dict[str, list[float]] = {}
    for name, seconds in last.items():
        by_stage.setdefault(name.split("@")[0], []).append(seconds)
    by_stage = dict(sorted(by_stage.items(), key=lambda entry: -sum(entry[1])))
    rows = [
        [stage, str(len(of)), f"{sum(of) / len(of):.1f}", f"{sum(of):.1f}"]
        for stage, of in by_stage.items()
    ]
    rows += [["all", str(len(last)), "", f"{sum(last.values()):.1f}"]] if rows else []
    notes = [
        "The last run of each item on this machine, without the start of Python. What came from the"
        " cache has none."
    ]
    return Table(
        "Seconds by stage", ["stage", "items", "s each", "s all"], rows, notes=notes if rows else ()
    )


def _cost() -> Table:
    """What the LLM judge's calls have cost by stage and model, where there were any."""
    spent = data_statistics.read_json(COST)["stages"] if COST.exists() else []
    columns = ["stage", "model", "calls", "prompt_tokens", "completion_tokens", "usd"]
    rows = [
        [f"{row[key]:,}" if isinstance(row[key], int | float) else row[key] for key in columns]
        for row in spent
    ]
    return Table(
        "The LLM judge's calls so far", [name.replace("_", " ") for name in columns], rows, labels=2
    )

"""What one revision holds of a finished study: its files from git, and its answers from DVC's cache
or remote.
"""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reset.core import params
from reset.core.errors import InputError
from reset.core.io import Row
from reset.evaluation import metrics
from reset.report import runs
from reset.report.aggregate import Seed

WORKSPACE = "workspace"  # DVC's own word for what lies in the folder now
PROMPTS = "data/evaluation.jsonl"
NOT_COMPARED = "runs"  # the template of a plot over all runs' curves of one seed


@dataclass(frozen=True)
class Revision:
    """`files` maps a path of the project to its copy on this disk; `missing` lists the others."""

    name: str
    commit: str  # empty for the workspace
    results: Sequence[Row]
    params: Mapping[str, Any]  # dotted key -> value
    plots: Mapping[str, Row]  # those that its dvc.yaml declares and that can be compared
    files: Mapping[str, Path]
    missing: Sequence[str]


def fetch(name: str, into: Path) -> Revision:
    """The revision, tag, branch or DVC experiment `name`, or `workspace`; its files are copied
    below `into`.

    InputError where there is no such revision, or where it holds no results.
    """
    from dvc.exceptions import DvcException
    from pygit2 import GitError

    try:
        tree, root = _tree(name)
        commit = "" if name == WORKSPACE else tree.repo.get_rev()
    except DvcException as error:
        raise InputError(
            f"'{name}' is no revision, tag, branch or experiment here ({error})"
        ) from None
    except GitError as error:
        raise InputError(
            f"git does not read this repository ({error}); for a folder of another user run"
            f" git config --global --add safe.directory {Path.cwd()}"
        ) from None
    files: dict[str, Path] = {}
    for path in ("params.yaml", "dvc.yaml", "metrics/results.csv"):
        if not _copy(tree, root, path, into, files):
            raise InputError(
                f"{name}: it has no {path}; a revision with a finished, committed `dvc repro` is"
                " expected"
            )
    results = runs.without_ends(metrics.read(files["metrics/results.csv"]))
    declared: dict[str, Any] = {}
    for plot in params.load(files["dvc.yaml"]).get("plots", []):
        declared |= plot
    plots = {key: spec for key, spec in declared.items() if spec.get("template") != NOT_COMPARED}
    measured = sorted({(row["run"], row["seed"]) for row in results})
    wanted = [PROMPTS, *[answers(run, seed) for run, seed in measured]]
    wanted += [path for spec in plots.values() for path in spec["y"]]
    return Revision(
        name=name,
        commit=commit,
        results=results,
        params=dict(_leaves(params.load(files["params.yaml"]))),
        plots=plots,
        missing=[path for path in wanted if not _copy(tree, root, path, into, files)],
        files=files,
    )


def answers(run: str, seed: Seed) -> str:
    """Where a run's answers lie in the project."""
    name = run if run in runs.START_MODELS else f"{run}_{seed}"
    return f"data/answers/{name}.jsonl"


def _tree(name: str) -> tuple[Any, str]:
    """DVC's view of a revision, and the folder of the project in it: a revision starts at the root
    of the git repository, which may be a folder above.
    """
    from dvc.api import DVCFileSystem

    if name == WORKSPACE:
        return DVCFileSystem(), "/"
    shown = subprocess.run(["git", "rev-parse", "--show-prefix"], capture_output=True, text=True)
    below = shown.stdout.strip()
    return DVCFileSystem(rev=name, subrepos=bool(below)), f"/{below}"


def _copy(tree: Any, root: str, path: str, into: Path, files: dict[str, Path]) -> bool:
    try:
        content = tree.cat_file(f"{root}{path}")
    except FileNotFoundError:
        return False
    except Exception as error:  # each kind of remote has its own errors
        if isinstance(error.__cause__, FileNotFoundError):  # the folder that holds it is missing
            return False
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: the remote does not give it ({type(error).__name__}: {reason})"
        ) from None
    files[path] = into / path
    files[path].parent.mkdir(parents=True, exist_ok=True)
    files[path].write_bytes(content)
    return True


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """(dotted key, value) of everything below `value` that is no mapping with keys."""
    if not isinstance(value, dict) or not value:
        return [(path, value)]
    found = []
    for key, part in value.items():
        found += _leaves(part, f"{path}.{key}" if path else str(key))
    return found

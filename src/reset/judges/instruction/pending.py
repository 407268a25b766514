"""What the pipeline has the instruction judge read, and whether any of it is still to be judged."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reset.judges.common.verdicts import Generations

SCRIPT = "stages/judge_instruction.py"


def items(graph: Mapping[str, Any], everything: Mapping[str, Any]) -> Iterator[Generations]:
    """Every item of the stages in a parsed dvc.yaml that run the instruction judge; params fill
    `${…}` in a matrix.
    """
    for stage in graph["stages"].values():
        command = str(stage.get("cmd", ""))
        if SCRIPT not in command:
            continue
        matrix = {key: _values(value, everything) for key, value in stage["matrix"].items()}
        for combination in itertools.product(*matrix.values()):
            filled = command
            for key, value in zip(matrix, combination, strict=True):
                filled = filled.replace(f"${{item.{key}}}", str(value))
            kind, name = filled.split(SCRIPT)[1].split()[:2]
            yield Generations(kind, name)


def _values(value: Any, everything: Mapping[str, Any]) -> list[Any]:
    reference = re.fullmatch(r"\$\{([\w.]+)\}", value) if isinstance(value, str) else None
    return list(_at(everything, reference.group(1)) if reference else value)


def _at(everything: Any, dotted: str) -> Any:
    """The value of a dotted key; KeyError or TypeError where there is none."""
    for part in dotted.split("."):
        everything = everything[part]
    return everything


def all_judged(
    graph: Mapping[str, Any], lock: Mapping[str, Any], everything: Mapping[str, Any]
) -> bool:
    """Whether no call is left by what a parsed dvc.yaml, dvc.lock and params.yaml say: the verdicts
    are there, made with the params of now, as everything before them was, and in one piece.

    Changed code is not seen: what it makes stale is judged without having been announced here.
    """
    wanted = list(items(graph, everything))
    if not all(item.verdicts("instruction").exists() for item in wanted):
        return False
    return _are_current([item.dvc_name("instruction") for item in wanted], lock, everything)


def is_current(path: Path, lock: Mapping[str, Any], everything: Mapping[str, Any]) -> bool:
    """Whether a file is there and, by a parsed dvc.lock, was made with the params of now, as
    everything before it was, and in one piece. Not if another stage once made it with others.
    """
    entries = _entries(lock.get("stages") or {}, "outs")
    producers = [name for name, out in entries if out["path"] == str(path)]
    return path.exists() and bool(producers) and _are_current(producers, lock, everything)


def _are_current(
    names: Sequence[str], lock: Mapping[str, Any], everything: Mapping[str, Any]
) -> bool:
    """Whether these stages, and all before them, ran with the params of now."""
    locked: Mapping[str, Any] = lock.get("stages") or {}
    if not set(names) <= set(locked):
        return False
    outs = {out["path"]: (name, out.get("md5")) for name, out in _entries(locked, "outs")}
    return all(_current(locked[name], outs, everything) for name in _upstream(names, locked, outs))


def _entries(locked: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, entry in locked.items():
        for listed in entry.get(key, ()):
            yield name, listed


def _upstream(
    names: Iterable[str], locked: Mapping[str, Any], outs: Mapping[str, tuple[str, Any]]
) -> set[str]:
    """The stages of these names and all that they depend on, directly or not."""
    found: set[str] = set()
    queue = list(names)
    while queue:
        name = queue.pop()
        if name in found:
            continue
        found.add(name)
        for dep in locked[name].get("deps", ()):
            queue += [maker for path, (maker, _) in outs.items() if _overlap(path, dep["path"])]
    return found


def _overlap(one: str, other: str) -> bool:
    """Whether two paths are the same, or one lies below the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _current(
    entry: Mapping[str, Any],
    outs: Mapping[str, tuple[str, Any]],
    everything: Mapping[str, Any],
) -> bool:
    """Whether a stage's recorded params are those of now, and its inputs are what was made last."""
    for key, value in entry.get("params", {}).get("params.yaml", {}).items():
        try:
            if _at(everything, key) != value:
                return False
        except (KeyError, TypeError):
            return False
    for dep in entry.get("deps", ()):
        if dep["path"] in outs and outs[dep["path"]][1] != dep.get("md5"):
            return False
    return True

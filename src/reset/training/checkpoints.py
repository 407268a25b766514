"""Checkpoints under .work/: found again by what they depend on, and trusted only when their last
file is there.
"""

import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from reset.core import hashing, io

MARKER = "COMPLETE.json"  # written last; holds the size of every other file of the checkpoint
STATE = "rng_state*"  # a file that the Trainer writes only beside optimizer and scheduler


def best_step(history: Iterable[dict[str, float]]) -> int:
    """The step with the lowest evaluation loss; of equal ones the earliest."""
    losses = [(entry["eval_loss"], int(entry["step"])) for entry in history if "eval_loss" in entry]
    return min(losses)[1]


class Folder:
    """The checkpoints of one run: `<root>/<hash of identity>/checkpoint-<step>`.

    `identity` names everything they depend on, so that another seed, row or parameter finds none of
    them. The folder remembers it, to be able to say why. `leads` is true in the one process that
    writes and speaks.
    """

    def __init__(self, root: Path, identity: dict[str, Any], leads: bool = True):
        self.root, self.identity, self.leads = root, identity, leads
        self.path = root / hashing.digest(identity)

    def checkpoint(self, step: int) -> Path:
        return self.path / f"checkpoint-{step}"

    def latest(self) -> Path | None:
        """The newest whole checkpoint to resume from. Those after it and half-written ones are
        removed; half-written and foreign ones are reported.
        """
        found = sorted(self.path.glob("checkpoint-*"), key=step_of)
        whole = [path for path in found if is_whole(path)]
        last = max(filter(_has_state, whole), key=step_of, default=None)
        if self.leads:
            for path in found:
                if path not in whole:
                    _say(f"{path} was not written to its end: removed")
                if path not in whole or not last or step_of(path) > step_of(last):
                    shutil.rmtree(path)
            if last:
                _say(f"resuming from {last}")
            else:
                self._report_foreign()
            io.write_json(self.path / "identity.json", self.identity)
        return last

    def complete(self, step: int, history: list[dict[str, float]]) -> None:
        """Mark the checkpoint of `step` as whole, then remove all but it, the best one, and what a
        resume needs: the last one with optimizer, and the best one until then.
        """
        if not self.leads:
            return
        path = self.checkpoint(step)
        files = {
            str(p.relative_to(path)): p.stat().st_size
            for p in sorted(path.rglob("*"))
            if p.is_file()
        }
        io.write_json(path / MARKER, files)
        found = list(self.path.glob("checkpoint-*"))
        keep = {step, best_step(history)}
        if resumable := [step_of(other) for other in found if _has_state(other)]:
            keep |= {
                max(resumable),
                best_step(entry for entry in history if entry["step"] <= max(resumable)),
            }
        for other in found:
            if step_of(other) not in keep:
                shutil.rmtree(other)

    def remove(self) -> None:
        """All checkpoints of the run, those of other identities too."""
        shutil.rmtree(self.root)

    def _report_foreign(self) -> None:
        for path in sorted(self.root.glob("*/identity.json")):
            if path.parent == self.path:
                continue
            other = json.loads(path.read_text(encoding="utf-8"))
            changed = [
                k for k in {**self.identity, **other} if self.identity.get(k) != other.get(k)
            ]
            _say(f"not resuming from {path.parent}: other {', '.join(changed)}")


def is_whole(path: Path) -> bool:
    """Whether a checkpoint has its marker and every file that the marker names, in full size."""
    try:
        files = json.loads((path / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return all(
        (path / name).is_file() and (path / name).stat().st_size == size
        for name, size in files.items()
    )


def _has_state(path: Path) -> bool:
    return any(path.glob(STATE))


def step_of(path: Path) -> int:
    """The step of a checkpoint's folder."""
    return int(path.name.removeprefix("checkpoint-"))


def _say(message: str) -> None:
    print(f"checkpoints: {message}", file=sys.stderr)

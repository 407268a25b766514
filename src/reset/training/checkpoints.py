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

# Written last; holds the best step until then, and the size of every other file of the checkpoint.
MARKER = "COMPLETE.json"
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
        """The newest checkpoint to resume from: whole, with optimizer, and with the best one until
        then beside it. Those after it and incomplete ones are removed; incomplete and foreign ones
        are reported.
        """
        found = sorted(self.path.glob("checkpoint-*"), key=step_of)
        whole = [path for path in found if is_whole(path)]
        usable = [path for path in whole if _has_state(path) and self._best_of(path) in whole]
        last = max(usable, key=step_of, default=None)
        if self.leads:
            shutil.rmtree(self._removed, ignore_errors=True)
            for path in found:
                if path not in whole:
                    _say(f"{path} is incomplete: removed")
                if path not in whole or not last or step_of(path) > step_of(last):
                    self._delete(path)
            if last:
                _say(f"resuming from {last}")
            else:
                self._report_foreign()
            io.write_json(self.path / "identity.json", self.identity)
        return last

    def complete(self, step: int, history: list[dict[str, float]]) -> None:
        """Mark the checkpoints of the best step and of `step` as whole, then remove all but these
        and what a resume needs: the last one with optimizer, and the best one until then.
        """
        if not self.leads:
            return
        for written in sorted({best_step(history), step}):
            self._mark(self.checkpoint(written), history)
        found = list(self.path.glob("checkpoint-*"))
        keep = {step, best_step(history)}
        if resumable := [step_of(other) for other in found if _has_state(other)]:
            last = max(resumable)
            keep |= {last, best_step(entry for entry in history if entry["step"] <= last)}
        for other in found:
            if step_of(other) not in keep:
                self._delete(other)

    def _mark(self, path: Path, history: list[dict[str, float]]) -> None:
        if (path / MARKER).exists():
            return
        files = {}
        for file in sorted(path.rglob("*")):
            if file.is_file():
                files[str(file.relative_to(path))] = file.stat().st_size
        io.write_json(path / MARKER, {"best": best_step(history), "files": files})

    def remove(self) -> None:
        """All checkpoints of the run, those of other identities too."""
        self._delete(self.root)

    @property
    def _removed(self) -> Path:
        return self.root.with_name(f".{self.root.name}.removed")

    def _delete(self, path: Path) -> None:
        """Rename first: a kill on the way then leaves nothing half there under its own name.

        What another process still maps stays on a network file system, for the next run to remove.
        """
        shutil.rmtree(self._removed, ignore_errors=True)
        path.rename(self._removed)
        shutil.rmtree(self._removed, ignore_errors=True)

    def _best_of(self, path: Path) -> Path:
        return self.checkpoint(_marker(path)["best"])

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
        files = _marker(path)["files"]
    except (OSError, ValueError, KeyError):
        return False
    return all(
        (path / name).is_file() and (path / name).stat().st_size == size
        for name, size in files.items()
    )


def _marker(path: Path) -> dict[str, Any]:
    return json.loads((path / MARKER).read_text(encoding="utf-8"))


def _has_state(path: Path) -> bool:
    return any(path.glob(STATE))


def step_of(path: Path) -> int:
    """The step of a checkpoint's folder."""
    return int(path.name.removeprefix("checkpoint-"))


def _say(message: str) -> None:
    print(f"checkpoints: {message}", file=sys.stderr)

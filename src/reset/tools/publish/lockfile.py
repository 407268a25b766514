"""What dvc.lock recorded of an output: its hash, the model that it began with, and whether the
record fits together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reset.core import params
from reset.core.errors import InputError


@dataclass(frozen=True)
class Lock:
    """The stages of dvc.lock, found by what they write."""

    stages: Mapping[str, Any]

    def maker(self, path: str) -> str:
        """The stage that wrote the output `path`; InputError where none did."""
        for name, stage in self.stages.items():
            if any(out["path"] == path for out in stage.get("outs", [])):
                return name
        raise InputError(f"dvc.lock: no stage wrote {path}; run `dvc repro`, or check the name")

    def md5(self, path: str) -> str:
        """The hash of the output `path`: of a folder, that of DVC's list of its files, with `.dir`
        at the end.
        """
        return next(
            out["md5"] for out in self.stages[self.maker(path)]["outs"] if out["path"] == path
        )

    def origin(self, folder: str) -> tuple[str, Mapping[str, Any]]:
        """The model folder at the start of `folder`'s training, and its `source`, `id` and
        `revision`.
        """
        name = self.maker(folder)
        while not name.startswith("models@"):
            folder = next(
                dep["path"]
                for dep in self.stages[name]["deps"]
                if dep["path"].startswith("models/")
            )
            name = self.maker(folder)
        return (
            folder,
            self.stages[name]["params"]["params.yaml"][f"models.{folder.removeprefix('models/')}"],
        )

    def before(self, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(stage, one of its dependencies) for the stage that wrote `path` and all that lead to it."""
        written = {
            out["path"]: name
            for name, stage in self.stages.items()
            for out in stage.get("outs", [])
        }
        queue, seen = [self.maker(path)], set()
        while queue:
            name = queue.pop()
            if name not in seen:
                seen.add(name)
                for dep in self.stages[name].get("deps", []):
                    yield name, dep
                    queue += [written[dep["path"]]] if dep["path"] in written else []

    def check(self, path: str) -> None:
        """InputError where a stage that leads to `path` read something else than what was written
        last.
        """
        written = {
            out["path"]: out["md5"]
            for stage in self.stages.values()
            for out in stage.get("outs", [])
        }
        for name, dep in self.before(path):
            if written.get(dep["path"], dep["md5"]) != dep["md5"]:
                raise InputError(
                    f"dvc.lock: {name} read another {dep['path']} than there is now; run `dvc"
                    " repro`"
                )


def load() -> Lock:
    """dvc.lock of the working folder; InputError where it cannot be read."""
    return Lock(params.load("dvc.lock")["stages"])

"""What dvc.lock recorded of an output: its hash, the model that it began with, and whether the
record fits together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reset.core import params
from reset.core.errors import InputError


@dataclass(frozen=True)
class Lock:
    """The stages of dvc.lock, found by what they write."""

    stages: Mapping[str, Any]

    def producer(self, path: str) -> str:
        """The stage that wrote the output `path`; InputError where none did."""
        name = self.find(path)
        if name is None:
            raise InputError(f"dvc.lock: no stage wrote {path}; run `dvc repro`, or check the name")
        return name

    def find(self, path: str) -> str | None:
        """The stage that wrote the output `path`, or None."""
        for name, stage in self.stages.items():
            if any(out["path"] == path for out in stage.get("outs", [])):
                return name
        return None

    def md5(self, path: str) -> str:
        """The hash of the output `path`: of a folder, that of DVC's list of its files, with `.dir`
        at the end.
        """
        outs = self.stages[self.producer(path)]["outs"]
        return next(out["md5"] for out in outs if out["path"] == path)

    def origin(self, folder: str) -> tuple[str, Mapping[str, Any]]:
        """The model folder at the start of `folder`'s training, and its `source`, `id` and
        `revision`.
        """
        name = self.producer(folder)
        while not name.startswith("models@"):
            deps = [dep["path"] for dep in self.stages[name]["deps"]]
            folder = next(path for path in deps if path.startswith("models/"))
            name = self.producer(folder)
        return folder, self.params(folder)[f"models.{folder.removeprefix('models/')}"]

    def params(self, path: str) -> Mapping[str, Any]:
        """What the stage that wrote the output `path` read of params.yaml, by dotted key."""
        return self.stages[self.producer(path)]["params"]["params.yaml"]

    def upstream(self, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(stage, one of its dependencies) for the stage that wrote `path` and all that lead to it.

        A dependency leads to the stage that wrote it, to all that wrote something below it (of a
        folder that several stages fill), and to the one that wrote the folder that it lies in.
        """
        queue, seen = [self.producer(path)], set()
        while queue:
            name = queue.pop()
            if name in seen:
                continue
            seen.add(name)
            for dep in self.stages[name].get("deps", []):
                yield name, dep
                queue += self._writers(dep["path"])

    def check(self, path: str) -> None:
        """InputError where a stage that leads to `path` read something else than what was written
        last.

        A folder that several stages fill has no recorded hash of its own to compare with; what
        leads to each of its files is checked all the same.
        """
        written = {
            out["path"]: out["md5"]
            for stage in self.stages.values()
            for out in stage.get("outs", [])
        }
        for name, dep in self.upstream(path):
            if written.get(dep["path"], dep["md5"]) != dep["md5"]:
                raise InputError(
                    f"dvc.lock: {name} read another {dep['path']} than there is now; run `dvc"
                    " repro`"
                )

    def _writers(self, path: str) -> list[str]:
        """The stages that wrote `path`, something below it, or a folder around it."""
        found = []
        for name, stage in self.stages.items():
            outs = [out["path"] for out in stage.get("outs", [])]
            if any(_overlap(path, out) for out in outs):
                found.append(name)
        return found


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def load() -> Lock:
    """dvc.lock of the working folder; InputError where it cannot be read."""
    return Lock(params.load("dvc.lock")["stages"])

"""The memory that this process's control group leaves it: a Slurm job or a container may have far
less than its machine.
"""

import math
from collections.abc import Iterator
from pathlib import Path

GROUPS = Path("/proc/self/cgroup")
# by version of the kernel's control groups: where they are mounted, and their files
MOUNTS = {1: Path("/sys/fs/cgroup/memory"), 2: Path("/sys/fs/cgroup")}
LIMIT = {1: "memory.limit_in_bytes", 2: "memory.max"}
USED = {1: "memory.usage_in_bytes", 2: "memory.current"}
CACHE = {  # in memory.stat: files in memory, which the kernel gives up for processes
    1: ("total_inactive_file", "total_active_file"),
    2: ("inactive_file", "active_file"),
}


def limit() -> float:
    """Bytes that the control group of this process and those above it allow; infinite where none
    has a limit, or on a system without control groups.
    """
    return min((_limit(group, version) for group, version in _groups()), default=math.inf)


def room() -> float:
    """Bytes that they allow beyond what they use, files in memory left out."""
    return min((_room(group, version) for group, version in _groups()), default=math.inf)


def _groups() -> Iterator[tuple[Path, int]]:
    """The folders of this process's groups for memory, from its own up, and their version."""
    try:
        lines = GROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        version = 1 if controllers else 2
        group = MOUNTS[version] / path.lstrip("/")
        while group.is_relative_to(MOUNTS[version]):
            yield group, version
            group = group.parent


def _limit(group: Path, version: int) -> float:
    """Infinite where a group has no limit or no such file, as the root group, or one above a
    container.
    """
    try:
        return int((group / LIMIT[version]).read_text())
    except (OSError, ValueError):  # "max"
        return math.inf


def _room(group: Path, version: int) -> float:
    try:
        used = int((group / USED[version]).read_text())
        statistics = (group / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):
        return _limit(group, version)
    values = dict(line.split(" ", 1) for line in statistics)
    cached = sum(int(values.get(name, 0)) for name in CACHE[version])
    return max(_limit(group, version) - max(used - cached, 0), 0)

"""The memory that this process's control group leaves it: a Slurm job or a container may have far
less than its machine.
"""

import math
from pathlib import Path

GROUPS = Path("/proc/self/cgroup")
# by version of the kernel's control groups: where they are mounted, and their files
MOUNTS = {1: Path("/sys/fs/cgroup/memory"), 2: Path("/sys/fs/cgroup")}
LIMIT = {1: "memory.limit_in_bytes", 2: "memory.max"}
USED = {1: "memory.usage_in_bytes", 2: "memory.current"}
RECLAIMABLE = {1: "total_inactive_file", 2: "inactive_file"}  # in memory.stat: file cache


def room() -> float:
    """Bytes that the control group of this process and those above it allow beyond what they use;
    infinite where none has a limit, or on a system without control groups.
    """
    try:
        lines = GROUPS.read_text().splitlines()
    except OSError:
        return math.inf
    rooms = [math.inf]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        version = 1 if controllers else 2
        group = MOUNTS[version] / path.lstrip("/")
        while group.is_relative_to(MOUNTS[version]):  # a limit may stand at any group above
            rooms.append(_room(group, version))
            group = group.parent
    return min(rooms)


def _room(group: Path, version: int) -> float:
    try:
        limit = (group / LIMIT[version]).read_text().strip()
        used = int((group / USED[version]).read_text())
        statistics = (group / "memory.stat").read_text().split()
    except OSError:  # the root group has no such files; a container does not see those above it
        return math.inf
    if limit == "max":
        return math.inf
    values = dict(zip(statistics[::2], statistics[1::2], strict=True))
    return max(int(limit) - used + int(values[RECLAIMABLE[version]]), 0)

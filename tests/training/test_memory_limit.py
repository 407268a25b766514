"""The room of a control group, from files as the kernel writes them."""

import math

import pytest

from reset.training import memory_limit

GIB = 2**30
FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    2: ("memory.max", "memory.current", ""),
}


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A system of control groups; call it with the lines of /proc/self/cgroup."""

    def enter(*lines):
        (tmp_path / "cgroup").write_text("".join(f"{line}\n" for line in lines))
        monkeypatch.setattr(memory_limit, "GROUPS", tmp_path / "cgroup")
        mounts = {1: tmp_path / "mount/memory", 2: tmp_path / "mount"}
        monkeypatch.setattr(memory_limit, "MOUNTS", mounts)
        return mounts

    return enter


def write(folder, version, limit, used=GIB, inactive=0, active=0):
    names = FILES[version]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    files = f"{names[2]}inactive_file {inactive}\n{names[2]}active_file {active}\n"
    (folder / "memory.stat").write_text(f"anon 5\n{files}file 7\n")


def test_a_slurm_jobs_limit_binds_its_steps(groups):
    mount = groups("0::/slurm/job_42/step_0")[2]
    write(mount / "slurm/job_42/step_0", 2, "max")
    write(mount / "slurm/job_42", 2, 8 * GIB, used=5 * GIB, inactive=GIB, active=2 * GIB)
    assert memory_limit.room() == 6 * GIB and memory_limit.limit() == 8 * GIB


def test_a_container_sees_its_own_group_as_the_root(groups):
    write(groups("0::/")[2], 2, 4 * GIB)
    assert memory_limit.room() == 3 * GIB


def test_the_older_version_names_the_controller_and_a_path_that_a_container_lacks(groups):
    mount = groups("9:cpu,cpuacct:/", "4:memory:/docker/0123", "0::/")[1]
    write(mount, 1, 4 * GIB, used=5 * GIB)
    assert memory_limit.room() == 0


def test_a_limit_whose_use_is_unknown_is_the_room(groups):
    mount = groups("0::/")[2]
    write(mount, 2, 4 * GIB)
    (mount / "memory.stat").unlink()
    assert memory_limit.room() == 4 * GIB


@pytest.mark.parametrize("lines", [["0::/user.slice"], ["4:memory:/a"], []])
def test_no_limit_is_no_bound(groups, lines):
    groups(*lines)
    assert memory_limit.room() == math.inf


def test_this_machines_own_files_are_read():
    assert memory_limit.room() > 0


def test_a_system_without_control_groups_has_no_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_limit, "GROUPS", tmp_path / "none")
    assert memory_limit.room() == math.inf

"""The script for the first minutes on a GPU runs on a CPU too, and says what a CPU can say."""

import json
import subprocess
import sys

import pytest

from benchmarks import gpu
from tests.support import warm

QUICK = ["engine_parity", "nli"]


@pytest.mark.integration
def test_the_script_prints_one_line_of_what_a_check_found():
    command = [sys.executable, "benchmarks/gpu.py", "--small", "--only", "checkpoint_rate"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert found["check"] == "checkpoint_rate" and found["to_disk"] > 0


@pytest.mark.integration
def test_each_check_prints_one_line_of_what_its_processes_found(monkeypatch, capsys):
    monkeypatch.setattr(sys, "executable", str(warm.start() / "fork"))
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--small", "--only", *QUICK])
    gpu.main()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["check"] for line in lines] == QUICK
    parity, nli = lines
    assert parity["equal"] == parity["of"] == 96
    assert nli["largest_gap"] < 0.1


def test_a_check_that_fails_says_so_and_the_next_runs(monkeypatch, capsys):
    def broken(small):
        raise RuntimeError("no driver")

    monkeypatch.setattr(sys, "argv", ["gpu.py", "--small"])
    monkeypatch.setattr(gpu, "CHECKS", {"one": broken, "two": lambda small: {"small": small}})
    gpu.main()
    one, two = map(json.loads, capsys.readouterr().out.splitlines())
    assert one["failed"] == "RuntimeError: no driver"
    assert two["small"] is True


def test_there_are_ten_checks():
    assert len(gpu.CHECKS) == 10

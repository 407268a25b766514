"""The script for the first minutes on a GPU runs on a CPU too, and says what a CPU can say."""

import json
import subprocess
import sys

import pytest

from benchmarks import gpu

QUICK = ["engine_parity", "checkpoint_rate", "nli"]


@pytest.mark.integration
def test_each_check_prints_one_line_of_what_it_found():
    done = subprocess.run(
        [sys.executable, "benchmarks/gpu.py", "--small", "--only", *QUICK],
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {line["check"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert list(found) == QUICK
    assert found["engine_parity"]["equal"] == found["engine_parity"]["of"] == 96
    assert found["nli"]["largest_gap"] < 0.1
    assert found["checkpoint_rate"]["to_disk"] > 0


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

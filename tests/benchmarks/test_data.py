"""The data benchmark runs to its end and its two sides agree."""

import json
import subprocess
import sys

import pytest


@pytest.mark.integration
def test_both_sides_write_the_same_prompts_and_the_last_line_is_the_result():
    done = subprocess.run(
        [sys.executable, "benchmarks/data.py", "--rows", "1000"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "783 prompts written, equal on both sides" in done.stdout
    results = json.loads(done.stdout.splitlines()[-1])
    assert {"name", "ratio", "goal", "ours", "theirs", "unit"} == set(results[0])
    assert len(results) == 3

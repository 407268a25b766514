"""benchmarks/study.py at its smallest, on rows of the demo world: all runs and controls come out with intervals."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reset import metrics, runs
from reset.records import write
from reset.world import publish
from reset.world.people import World

ROOT = Path(__file__).parents[1]


@pytest.mark.integration
def test_all_runs_are_trained_sampled_judged_and_compared(tmp_path):
    world = World(0, 60, 60, 20, 0.7, 0.5, 0.45)
    for name, asked in (("nq", "question"), ("alpaca", "instruction"), ("bioasq", "body")):
        rows = [{k: v for k, v in row.items() if k != "split"} for row in publish.rows(name, world)]
        write(tmp_path / "rows" / f"{name}.jsonl", list({row[asked]: row for row in rows}.values())[:60])
    command = [sys.executable, str(ROOT / "benchmarks/study.py"), "--data", str(tmp_path / "rows")]
    command += ["--out", str(tmp_path / "out"), "--seeds", "0", "1", "--minutes", "10"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.startswith("No GPU: toy size on the CPU")
    for word in ("vicuna_eval: left out", "base is the instruction-tuned model too", "rouge_l", "seeds 0, 1"):
        assert word in done.stdout
    results = metrics.read(tmp_path / "out/results.csv")
    assert {(row["run"], row["seed"]) for row in results} >= {(run, seed) for run in runs.LEGEND for seed in (0, 1)}
    measures = {(row["metric"], row["measure"]) for row in results if row["metric"] in ("instruction", "faithfulness")}
    assert measures == {("instruction", "rouge_l"), ("faithfulness", "span")}
    entries = {entry["name"]: entry for entry in json.loads(done.stdout.splitlines()[-1])}
    assert "instruction of reset against random" in entries and "faithfulness of reset against mtl" in entries
    assert all(len(entry["difference_interval"]) == 2 for entry in entries.values())


@pytest.mark.parametrize("missing", ["nq", "alpaca"])
def test_a_missing_set_is_named(tmp_path, missing):
    write(tmp_path / ("alpaca.jsonl" if missing == "nq" else "nq.jsonl"), [{}])
    command = [sys.executable, str(ROOT / "benchmarks/study.py"), "--data", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and f"no {missing}.jsonl in" in done.stderr

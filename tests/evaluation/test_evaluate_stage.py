"""evaluate: from files to files, and nothing is written when something is wrong."""

import csv
import subprocess
import sys
from pathlib import Path

from reset.core import io
from tests.support import made_up_study

SCRIPT = Path("stages/evaluate.py").resolve()
ENVIRONMENT = {"PYTHONPATH": str(Path("src").resolve()), "PATH": "/usr/bin:/bin"}


def prepare(root):
    """The inputs of evaluate for one run, from the made-up answers."""
    io.write_text(root / "dvc.yaml", "stages: {evaluate: {params: [seeds, runs]}}")
    for name in ("params.yaml", "profiles/paper.yaml"):
        io.write_text(root / name, "{seeds: [0], runs: {start_models: [], evaluated: [mtl]}}")
    rows = made_up_study.evaluation(2)
    io.write(root / "data/evaluation.jsonl", rows)
    told = made_up_study.answers(rows, "mtl", 0)
    kept = [
        {"id": a["id"], "sample": 0, **{key: a[key] for key in ("text", "tokens", "finish")}}
        for a in told
    ]
    io.write(root / "data/predictions/mtl_0.jsonl", kept)
    for judge in ("task", "faithfulness", "instruction"):
        verdicts = [
            {"id": a["id"], "sample": 0, "metric": a["judges"][judge], "score": a[f"s_{judge}"]}
            | rated(a)
            for a in told
            if judge in a["judges"]
        ]
        io.write(root / f"data/verdicts/{judge}/predictions/mtl_0.jsonl", verdicts)
    return told


def rated(answer):
    """The column that only the instruction judge has."""
    return {"ratings": answer["ratings"]} if answer["ratings"] else {}


def run(root):
    command = [sys.executable, str(SCRIPT)]
    return subprocess.run(command, cwd=root, env=ENVIRONMENT, capture_output=True, text=True)


def test_answers_and_metrics_of_a_run_are_written(tmp_path):
    told = prepare(tmp_path)
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert io.read(tmp_path / "data/answers/mtl_0.jsonl") == told
    with open(tmp_path / "metrics/runs/mtl_0.csv") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["dataset"] for row in rows} == set(made_up_study.SETS)
    assert {(row["run"], row["seed"]) for row in rows} == {("mtl", "0")}


def test_a_lost_verdict_stops_the_stage_before_it_writes(tmp_path):
    prepare(tmp_path)
    path = tmp_path / "data/verdicts/task/predictions/mtl_0.jsonl"
    io.write(path, io.read(path)[:-1])
    done = run(tmp_path)
    assert done.returncode == 1
    assert "no row for 'wikisum:1'" in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "metrics").exists() and not (tmp_path / "data/answers").exists()

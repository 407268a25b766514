import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmarks.random_nli import build
from stages import judge_faithfulness, judge_task

ROOT = Path(__file__).parents[2]
JUDGES = {
    "max_missing": 0.01,
    "task": {"extractive": "exact_match", "abstractive": "rouge_l"},
    "faithfulness": {
        "extractive": "span",
        "abstractive": "summac_zs",
        "use_contradiction": False,
        "precision": "fp32",
        "batch_tokens": 512,
        "devices": "cpu",
    },
}
RUNS = {"start_models": ["base"], "evaluated": ["mtl"]}
STAGES = ("judge_samples_task", "judge_predictions_task", "judge_predictions_faithfulness")
DECLARED = ["judges", "seeds", "runs"]
CONTEXT = ["Ada was born in London.", "It rained in York."]
PROMPTS = [
    {
        "id": "nq:1",
        "task": "extractive_qa",
        "question": "Where?",
        "context": CONTEXT,
        "references": ["London"],
    },
    {
        "id": "ms:1",
        "task": "abstractive_qa",
        "question": "Why?",
        "context": CONTEXT,
        "references": ["It rained."],
    },
    {
        "id": "cnn:1",
        "task": "summarization",
        "question": "",
        "context": CONTEXT,
        "references": ["It rained."],
    },
    {
        "id": "dolly:1",
        "task": "instruction",
        "question": "",
        "context": [],
        "references": ["Hello!"],
    },
]


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """Two samples of each prompt and one prediction, with the params and the graph that the stages
    read.
    """
    monkeypatch.chdir(tmp_path)
    lines = lambda rows: "".join(json.dumps(row) + "\n" for row in rows)  # noqa: E731
    samples = [
        {"id": p["id"], "sample": k, "text": f"It rained {k}."} for p in PROMPTS for k in (0, 1)
    ]
    files = {
        "data/pools/reset_0.jsonl": lines(PROMPTS),
        "data/samples/reset_0.jsonl": lines(samples),
        "data/evaluation.jsonl": lines(PROMPTS),
        "data/predictions/mtl_0.jsonl": lines(s for s in samples if s["sample"] == 0),
        "dvc.yaml": yaml.safe_dump({"stages": dict.fromkeys(STAGES, {"params": DECLARED})}),
        "params.yaml": yaml.safe_dump({"judges": JUDGES, "seeds": [0], "runs": RUNS}),
        "profiles/paper.yaml": yaml.safe_dump({"judges": JUDGES, "seeds": [0], "runs": RUNS}),
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def run(monkeypatch, module, *args):
    monkeypatch.setattr(sys, "argv", ["stage", *args])
    module.main()


def rows(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_task_verdicts_cover_the_context_dependent_samples_and_nothing_else(workspace, monkeypatch):
    run(monkeypatch, judge_task, "samples", "reset_0")
    verdicts = rows("data/verdicts/task/samples/reset_0.jsonl")
    expected = [(id, sample) for id in ("nq:1", "ms:1", "cnn:1") for sample in (0, 1)]
    assert [(v["id"], v["sample"]) for v in verdicts] == expected
    assert [v["metric"] for v in verdicts] == ["exact_match"] * 2 + ["rouge_l"] * 4


def test_task_verdicts_of_all_predictions_are_one_stage_and_leftovers_are_left_alone(
    workspace, monkeypatch
):
    made = Path("data/predictions/mtl_0.jsonl").read_text()
    for name in ("base", "chat", "mtl_9"):
        Path(f"data/predictions/{name}.jsonl").write_text(made)
    run(monkeypatch, judge_task, "predictions")
    judged = sorted(path.name for path in Path("data/verdicts/task/predictions").iterdir())
    assert judged == ["base.jsonl", "mtl_0.jsonl"]


def test_faithfulness_verdicts_of_predictions_are_the_same_bytes_on_a_second_run(
    workspace, monkeypatch
):
    build(Path("models/nli"), CONTEXT)
    run(monkeypatch, judge_faithfulness, "predictions", "mtl_0")
    path = Path("data/verdicts/faithfulness/predictions/mtl_0.jsonl")
    first = path.read_bytes()
    assert [v["metric"] for v in rows(path)] == ["span", "summac_zs", "summac_zs"]
    run(monkeypatch, judge_faithfulness, "predictions", "mtl_0")
    assert path.read_bytes() == first


def test_the_task_stage_starts_without_torch(workspace):
    code = (
        "import sys; from stages import judge_task; sys.exit('torch' in sys.modules or"
        " 'transformers' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": "src:."}, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()

"""The judge's cost over the whole pipeline."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml

from reset.core import io, params
from reset.core.errors import InputError
from reset.judges.common.verdicts import Generations
from reset.judges.instruction import llm, pending, settings
from reset.judges.instruction.reply_store import PLACE, Store
from reset.tools import judge_cost
from tests.judges.instruction.test_judge_instruction_stage import ROOT, fill
from tests.judges.instruction.test_llm import keep
from tests.support.fault_server import ENDPOINT

SCORED = {"reset": "scorer", "reset_s": "scorer"}
SAMPLING = {
    "temperatures": [0.1] * 7,
    "top_k": [5] * 7,
    "pools": {"reset": {"rounds": 2, "prompts_per_dataset": 10, "reference": False}},
}
GRAPH = {
    "judge_samples_instruction": {
        "matrix": {"pool": ["reset"], "seed": "${seeds}"},
        "cmd": "python stages/judge_instruction.py samples ${item.pool}_${item.seed}",
    },
    "judge_predictions_instruction": {
        "matrix": {"run": ["mtl"], "seed": "${seeds}"},
        "cmd": "python stages/judge_instruction.py predictions ${item.run}_${item.seed}",
    },
    "other": {"cmd": "python stages/other.py"},
}


OWN = {"path": "own.jsonl", "task": "instruction", "columns": {"instruction": "ask"}}
DATA = {
    "data": {
        "datasets": {
            "alpaca": {"source": "published", "train": 0, "eval": 100},
            "nq": {"source": "published", "train": None, "eval": 16},
            "requests": {"source": OWN, "train": 0, "eval": 40},
        }
    }
}


def made(path, **values):
    """A parsed dvc.lock by which a stage made the file with these params."""
    stage = {"outs": [{"path": str(path), "md5": "1"}], "params": {"params.yaml": values}}
    return {"stages": {"stage": stage}}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    io.write_text(settings.PROMPT, (ROOT / settings.PROMPT).read_text(encoding="utf-8"))
    with Store(PLACE) as store:
        yield store


def judges(**changes):
    """Settings of an LLM judge with its prompt."""
    endpoint = replace(ENDPOINT, **changes)
    return settings.InstructionSettings(settings.PROMPT, "openai", None, endpoint)


def test_every_item_of_the_judging_stages_is_found():
    assert list(pending.items({"stages": GRAPH}, {"seeds": [1, 2]})) == [
        Generations("samples", "reset_1"),
        Generations("samples", "reset_2"),
        Generations("predictions", "mtl_1"),
        Generations("predictions", "mtl_2"),
    ]


def test_the_real_graph_is_understood():
    found = list(pending.items(params.load(ROOT / "dvc.yaml"), params.load(ROOT / "params.yaml")))
    assert {item.kind for item in found} == {"samples", "predictions"}
    assert {"reset", "reset_s", "mtl"} <= {item.run for item in found}


def test_generations_that_exist_are_counted_without_what_is_stored(store):
    fill(8, 3)
    item = Generations("samples", "reset_1")
    template = Path(settings.PROMPT).read_text(encoding="utf-8")
    keep(store, llm.render(template, "task 0", "dolly:0 0"), 0, "x\nRating: 4")
    found, known = judge_cost.estimate_cost(item, judges(), {}, made(item.path), store)
    assert known and (found.texts, found.cached, found.calls) == (24, 1, 23)


def test_generations_of_other_params_are_not_counted(store):
    """A finished demo must not make a bill for the paper's study out of its few rows."""
    fill(8, 3)
    item = Generations("samples", "reset_1")
    lock = made(item.path, seeds=[7])
    given = {"sampling": SAMPLING, "seeds": [1]}
    found, known = judge_cost.estimate_cost(item, judges(), given, lock, store)
    assert not known and found.texts == 10 * 2 * 7


def test_those_to_come_are_counted_from_the_params(store):
    item = Generations("samples", "reset_1")
    found, known = judge_cost.estimate_cost(
        item, judges(repeats=2), {"sampling": SAMPLING}, {}, store
    )
    assert not known and (found.texts, found.calls) == (10 * 2 * 7, 2 * 10 * 2 * 7)
    assert found.usd > 0


def test_predictions_to_come_are_counted_from_the_evaluation_set(store):
    item = Generations("predictions", "mtl_1")
    found, _ = judge_cost.estimate_cost(item, judges(), DATA, {}, store)
    assert found.texts == 100 + 40  # at most
    io.write("data/evaluation.jsonl", [{"task": "instruction"}] * 5 + [{"task": "summarization"}])
    lock = made(Path("data/evaluation.jsonl"))
    assert judge_cost.estimate_cost(item, judges(), DATA, lock, store)[0].texts == 5
    assert judge_cost.estimate_cost(item, judges(), DATA, {}, store)[0].texts == 140


def test_evaluation_rows_that_the_params_do_not_limit_must_be_there(store):
    item = Generations("predictions", "mtl_1")
    every = {
        "data": {"datasets": {"koala_eval": {"source": "published", "train": 0, "eval": None}}}
    }
    with pytest.raises(InputError, match="koala_eval.eval takes all rows: run .*evaluation_set"):
        judge_cost.estimate_cost(item, judges(), every, {}, store)


def estimate():
    command = [sys.executable, str(ROOT / "scripts/estimate.py")]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_make_estimate_prints_all_items_and_writes_the_cost_so_far(store):
    keep(store, "a prompt of before", 0, "x\nRating: 4")
    section = {
        "instruction": {
            "prompt": settings.PROMPT,
            "backend": "openai",
            "samples": None,
            "openai": asdict(replace(ENDPOINT, budget_usd=0.0001)),
        }
    }
    io.write_text(
        "params.yaml", yaml.safe_dump({"seeds": [1], "sampling": SAMPLING, "judges": section})
    )
    io.write_text("dvc.yaml", yaml.safe_dump({"stages": GRAPH}))
    io.write("data/evaluation.jsonl", [{"task": "instruction"}] * 5)
    io.write_text("dvc.lock", yaml.safe_dump(made(Path("data/evaluation.jsonl"))))
    printed = estimate()
    assert "samples reset_1: 140 texts" in printed and "predictions mtl_1: 5 texts" in printed
    assert "All: 145 texts" in printed and "raise judges.instruction.openai.budget_usd" in printed
    assert json.loads(Path("metrics/cost.json").read_text())["calls"] == 1


def test_what_no_llm_judges_is_not_counted(store):
    section = {"instruction": asdict(judges()) | {"samples": SCORED}}
    io.write_text(
        "params.yaml", yaml.safe_dump({"seeds": [1], "sampling": SAMPLING, "judges": section})
    )
    io.write_text("dvc.yaml", yaml.safe_dump({"stages": GRAPH}))
    io.write("data/evaluation.jsonl", [{"task": "instruction"}] * 5)
    io.write_text("dvc.lock", yaml.safe_dump(made(Path("data/evaluation.jsonl"))))
    printed = estimate()
    assert "samples" not in printed and "All: 5 texts" in printed


def test_the_rubric_costs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rubric = settings.InstructionSettings(settings.PROMPT, "rubric", None, None)
    section = {"instruction": asdict(rubric)}
    io.write_text("params.yaml", yaml.safe_dump({"judges": section}))
    assert "no calls, no cost" in estimate()
    assert not Path("metrics/cost.json").exists()

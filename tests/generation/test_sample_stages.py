"""stages/sample.py and stages/predict.py, from files to files."""

import sys

import pytest
from transformers import AutoModelForCausalLM

from reset.core import params
from reset.core.errors import InputError
from reset.core.io import read, write
from stages import predict, sample
from tests.support.random_model import prompt, save_model

HOW = {
    "engine": "transformers",
    "precision": "fp32",
    "batch_tokens": 2000,
    "workers": 1,
    "vllm": None,
    "openai": None,
}
WHAT = {
    "temperatures": [0.1, 0.5, 1.0],
    "top_k": [5, 20, 40],
    "top_k_temperature": 1.0,
    "max_new_tokens": 8,
}
POOLS = {
    "reset": {"rounds": 1, "prompts_per_dataset": 4, "reference": False},
    "reset_s": {"rounds": 2, "prompts_per_dataset": 2, "reference": False},
}


@pytest.fixture
def declare(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    save_model(tmp_path / "models" / "mtl_0")

    def given(**values):
        monkeypatch.setattr(
            params, "declared", lambda stage, **item: params.Section(values, "", stage)
        )

    return given


def call(monkeypatch, stage, *arguments):
    monkeypatch.setattr(sys, "argv", ["stage", *map(str, arguments)])
    stage.main()


def rows(count=6):
    tasks = {"nq": "extractive_qa", "dolly": "instruction"}
    return [
        {
            "id": f"{name}:{n}",
            "dataset": name,
            "task": task,
            "prompt": prompt(n),
            "target": "w1",
            "copies": 1,
        }
        for name, task in tasks.items()
        for n in range(count)
    ]


@pytest.mark.parametrize("pool, prompts, answers", [("reset", 8, 24), ("reset_s", 4, 24)])
def test_a_pool_holds_its_prompts_and_the_samples_all_their_draws(
    declare, monkeypatch, pool, prompts, answers
):
    declare(sampling=HOW | WHAT | {"pools": POOLS})
    write("data/mixes/mtl/train.jsonl", rows())
    call(monkeypatch, sample, pool, 0)
    chosen, drawn = read(f"data/pools/{pool}_0.jsonl"), read(f"data/samples/{pool}_0.jsonl")
    assert len(chosen) == prompts and len(drawn) == answers
    assert list(dict.fromkeys(row["id"] for row in drawn)) == [row["id"] for row in chosen]
    assert set(drawn[0]) == {"id", "sample", "setting", "text", "tokens", "finish"}
    assert "copies" not in chosen[0]


def test_a_reference_that_competes_is_added_and_no_sample_changes(declare, monkeypatch):
    write("data/mixes/mtl/train.jsonl", rows())
    drawn = []
    for reference in (False, True):
        declare(
            sampling=HOW | WHAT | {"pools": {"reset": POOLS["reset"] | {"reference": reference}}}
        )
        call(monkeypatch, sample, "reset", 0)
        drawn.append(read("data/samples/reset_0.jsonl"))
    added = [row for row in drawn[1] if row["setting"] == {"reference": True}]
    assert [row for row in drawn[1] if row not in added] == drawn[0]
    assert [row["id"] for row in added] == [row["id"] for row in read("data/pools/reset_0.jsonl")]
    assert {row["text"] for row in added} == {"w1"} and {row["sample"] for row in added} == {3}


def test_predictions_are_greedy_and_computed_once(declare, monkeypatch):
    declare(sampling=HOW, evaluation={"max_new_tokens": 8})
    write("data/evaluation.jsonl", rows())
    loads, load = [], AutoModelForCausalLM.from_pretrained
    monkeypatch.setattr(
        AutoModelForCausalLM, "from_pretrained", lambda f, **how: loads.append(f) or load(f, **how)
    )
    call(monkeypatch, predict, "predict", "mtl_0")
    made = read("data/predictions/mtl_0.jsonl")
    call(monkeypatch, predict, "predict", "mtl_0")
    assert read("data/predictions/mtl_0.jsonl") == made
    assert [row["id"] for row in made] == [row["id"] for row in rows()]
    assert {row["sample"] for row in made} == {0} and max(row["tokens"] for row in made) <= 8
    assert [row["setting"] for row in made] == [{"greedy": True}] * len(made)
    assert len({row["dataset"] for row in rows()}) == 2 and len(loads) == 1


def test_an_evaluation_row_without_a_prompt_is_an_error(declare, monkeypatch):
    declare(sampling=HOW, evaluation={"max_new_tokens": 8})
    write("data/evaluation.jsonl", [{"id": "nq:1"}])
    with pytest.raises(InputError, match="nq:1: no column 'prompt'"):
        call(monkeypatch, predict, "predict", "mtl_0")

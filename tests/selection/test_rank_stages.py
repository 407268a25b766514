"""rank and rank_controls as DVC runs them, on a pool of four judged prompts."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from reset.core.errors import InputError
from scripts import preference_pairs
from stages import rank, rank_controls
from tests.support import graph

RANKING = {
    "weights": {"task": 1.0, "instruction": 2.0, "faithfulness": 2.0},
    "selection": "best",
    "ties": "first",
    "cut_samples": "lose",
    "dev": 0.25,
}
PROMPTS = [
    {
        "id": f"{dataset}:{number}",
        "dataset": dataset,
        "task": task,
        "instruction": "i",
        "question": "q",
        "context": ["c"],
        "prompt": f"prompt {number}",
        "target": f"reference {number}",
    }
    for number, (dataset, task) in enumerate(
        [("nq", "extractive_qa")] * 2 + [("dolly", "instruction")] * 2
    )
]
SETTING = {"temperature": 0.1, "top_k": None}
SAMPLES = [
    {"id": p["id"], "sample": k, "setting": SETTING, "text": f"text {k}", "finish": "eos"}
    for p in PROMPTS
    for k in range(3)
]


def verdicts(judge):
    """Sample 1 is the best; the judge of instructions has no score at all for the last prompt."""
    mine = [s for s in SAMPLES if s["id"].startswith("dolly") == (judge == "instruction")]
    return [
        {
            "id": s["id"],
            "sample": s["sample"],
            "score": None if s["id"] == "dolly:3" else [0.1, 0.9, 0.5][s["sample"]],
        }
        for s in mine
    ]


def write(path, rows):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))


def rows(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


@pytest.fixture
def pool(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("data/pools/reset_0.jsonl", PROMPTS)
    write("data/samples/reset_0.jsonl", SAMPLES)
    for judge in ("task", "faithfulness", "instruction"):
        write(f"data/verdicts/{judge}/samples/reset_0.jsonl", verdicts(judge))
    stages = {
        "rank": {"params": ["ranking"]},
        "rank_controls": {"params": ["ranking.cut_samples", "ranking.dev"]},
    }
    for name, value in {"dvc": {"stages": stages}, "params": {"ranking": RANKING}}.items():
        Path(f"{name}.yaml").write_text(yaml.safe_dump(value))
    Path("profiles").mkdir()
    Path("profiles/paper.yaml").write_text(yaml.safe_dump({"ranking": RANKING}))


def run(monkeypatch, module, *args):
    monkeypatch.setattr(sys, "argv", ["stage", *args])
    module.main()


def trained(run):
    return {
        row["id"]: row["target"]
        for part in ("train", "dev")
        for row in rows(f"data/ranked/{run}/{part}.jsonl")
    }


def test_the_controls_train_on_the_prompts_of_reset_and_hold_out_the_same_ones(pool, monkeypatch):
    run(monkeypatch, rank, "reset", "0")
    run(monkeypatch, rank_controls, "random", "0")
    run(monkeypatch, rank_controls, "control", "0")
    assert trained("reset_0") == dict.fromkeys(["nq:0", "nq:1", "dolly:2"], "text 1")
    assert trained("control_0") == {
        "nq:0": "reference 0",
        "nq:1": "reference 1",
        "dolly:2": "reference 2",
    }
    assert trained("random_0").keys() == trained("reset_0").keys()
    held = [
        [row["id"] for row in rows(f"data/ranked/{name}_0/dev.jsonl")]
        for name in ("reset", "random", "control")
    ]
    assert held[0] == held[1] == held[2] and len(held[0]) == 1


def test_every_prompt_keeps_its_candidates_with_the_winner_marked(pool, monkeypatch):
    run(monkeypatch, rank, "reset", "0")
    judged = {
        row["id"]: [c["winner"] for c in row["candidates"]]
        for row in rows("data/candidates/reset_0.jsonl")
    }
    assert judged == dict.fromkeys(["nq:0", "nq:1", "dolly:2"], [False, True, False]) | {
        "dolly:3": [False] * 3
    }


@pytest.mark.parametrize("file", ["samples/reset_0", "verdicts/task/samples/reset_0"])
def test_a_repeated_row_stops_the_stage_before_it_writes(pool, monkeypatch, file):
    given = rows(f"data/{file}.jsonl")
    write(f"data/{file}.jsonl", [*given, given[0]])
    with pytest.raises(InputError, match="sample 0 of 'nq:0' stands twice"):
        run(monkeypatch, rank, "reset", "0")
    assert not Path("data/ranked").exists()


def test_the_graph_trains_on_what_was_ranked():
    stages = graph.stages()
    ranked = [stages[name]["outs"][-1] for name in ("rank", "rank_controls")]
    assert ranked == [
        "data/ranked/${item.pool}_${item.seed}",
        "data/ranked/${item.run}_${item.seed}",
    ]
    assert f"--data {ranked[1]}" in stages["continued"]["cmd"]
    assert "--data data/ranked/reset_${item.seed}" in stages["direct"]["cmd"]


def test_preference_pairs_are_what_trl_s_dpo_trainer_takes(pool, monkeypatch):
    from datasets import load_dataset

    run(monkeypatch, rank, "reset", "0")
    run(monkeypatch, preference_pairs, "reset", "0", "pairs.jsonl")
    pairs = load_dataset("json", data_files="pairs.jsonl", split="train", cache_dir="cache")
    assert {"prompt", "chosen", "rejected"} <= set(pairs.column_names)
    assert all(
        pairs.features[column].dtype == "string" for column in ("prompt", "chosen", "rejected")
    )
    assert [(p["prompt"], p["chosen"], p["rejected"]) for p in pairs] == [
        (f"prompt {number}", "text 1", "text 0") for number in range(3)
    ]


def test_a_pool_that_decides_nothing_gives_no_pairs(pool, monkeypatch):
    run(monkeypatch, rank, "reset", "0")
    same = [
        row | {"candidates": row["candidates"][:1] * 2}
        for row in rows("data/candidates/reset_0.jsonl")
    ]
    write("data/candidates/reset_0.jsonl", same)
    with pytest.raises(InputError, match="no prompt of 4 has two answers"):
        run(monkeypatch, preference_pairs, "reset", "0", "pairs.jsonl")
    assert not Path("pairs.jsonl").exists()

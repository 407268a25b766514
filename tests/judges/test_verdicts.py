import json
from pathlib import Path

import pytest

from reset.core import tasks
from reset.core.errors import InputError
from reset.judges.common import verdicts as judging
from reset.judges.common.verdicts import Generations, paired

SAMPLES = Generations("samples", "reset_0")
PROMPTS = [{"id": "a:1", "task": "extractive_qa"}, {"id": "b:1", "task": "instruction"}]


@pytest.fixture(autouse=True)
def _in_tmp(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def put(path, rows):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))


def generation(id, sample=0, text="x"):
    return {"id": id, "sample": sample, "text": text}


def put_samples(*keys, prompts=PROMPTS):
    put("data/pools/reset_0.jsonl", prompts)
    put(
        "data/samples/reset_0.jsonl",
        [generation(id, sample, f"{id} {sample}") for id, sample in keys],
    )


def test_rows_are_paired_by_id_and_not_by_position():
    put_samples(("b:1", 0), ("a:1", 1), ("a:1", 0), ("b:1", 1))
    pairs = paired(SAMPLES, {"extractive_qa", "instruction"})
    assert [(p["id"], g["text"]) for p, g in pairs] == [
        ("b:1", "b:1 0"), ("a:1", "a:1 1"), ("a:1", "a:1 0"), ("b:1", "b:1 1"),
    ]  # fmt: skip


def test_only_rows_of_the_asked_tasks_are_kept():
    put_samples(("a:1", 0), ("b:1", 0))
    assert [p["id"] for p, _ in paired(SAMPLES, tasks.CONTEXT_TASKS)] == ["a:1"]
    assert [p["id"] for p, _ in paired(SAMPLES, tasks.INSTRUCTION_TASKS)] == ["b:1"]


def test_predictions_are_joined_with_the_evaluation_set():
    put("data/evaluation.jsonl", PROMPTS)
    put("data/predictions/mtl_3.jsonl", [generation("b:1"), generation("a:1")])
    assert len(paired(Generations("predictions", "mtl_3"), {"extractive_qa", "instruction"})) == 2


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([("a:1", 0), ("b:1", 0), ("c:9", 0)], r"reset_0\.jsonl:3: id 'c:9' is not in"),
        ([("a:1", 0)], "'b:1' lacks sample 0"),
        ([("a:1", 0), ("b:1", 0), ("a:1", 0)], r"reset_0\.jsonl:3: sample 0 of 'a:1' repeats"),
        ([("a:1", 0), ("a:1", 1), ("b:1", 0)], "'b:1' lacks sample 1"),
        ([("a:1", 0), ("a:1", 2), ("b:1", 0), ("b:1", 1), ("b:1", 2)], "'a:1' lacks sample 1"),
        ([], "lacks sample 0"),
    ],
    ids=[
        "extra id",
        "missing id",
        "repeated sample",
        "lost last sample",
        "hole",
        "nothing generated",
    ],
)
def test_a_lost_extra_or_repeated_generation_is_an_error(keys, message):
    put_samples(*keys)
    with pytest.raises(InputError, match=message):
        paired(SAMPLES, {"extractive_qa"})


def test_a_repeated_prompt_id_is_an_error():
    put_samples(("a:1", 0), prompts=[PROMPTS[0], PROMPTS[0]])
    with pytest.raises(InputError, match="a:1"):
        paired(SAMPLES, {"extractive_qa"})


OUT = Path("data/verdicts/task/samples/reset_0.jsonl")
PAIRS = [(PROMPTS[0], generation("a:1", sample)) for sample in range(4)]


def verdicts(*scores):
    return [
        {"id": "a:1", "sample": i, "metric": "m", "score": score} for i, score in enumerate(scores)
    ]


def test_verdicts_are_written_in_the_order_of_the_generations():
    assert (
        judging.write(SAMPLES, "task", PAIRS, verdicts(0, 1, 0.5, 1.0)[::-1], max_missing=0.0) == 4
    )
    assert [json.loads(line)["sample"] for line in OUT.read_text().splitlines()] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (verdicts(0, 1, 1), "'a:1', 3"),
        (verdicts(0, 1, 1, 1, 1), "'a:1', 4"),
        (verdicts(0, 1, 1, 1) + verdicts(0), "two verdicts"),
        (verdicts(0, 1, 1, 1.5), "scores 1.5"),
        (verdicts(0, 1, 1, -0.5), "scores -0.5"),
        (verdicts(0, 1, 1, float("nan")), "scores nan"),
        (verdicts(0, 1, 1, True), "scores True"),
        (verdicts(0, 1, 1, "1"), "scores '1'"),
    ],
    ids=["missing", "extra", "repeated", "above 1", "below 0", "nan", "bool", "text"],
)
def test_bad_verdicts_are_refused_and_nothing_is_written(rows, message):
    with pytest.raises(InputError, match=message):
        judging.write(SAMPLES, "task", PAIRS, rows, max_missing=1.0)
    assert not OUT.exists()


def test_missing_scores_are_allowed_up_to_the_limit_and_named_beyond_it():
    rows = verdicts(0, 1, 1, None)
    assert judging.write(SAMPLES, "task", PAIRS, rows, max_missing=0.25) == 4
    OUT.unlink()
    rows[3]["reason"] = "no context"
    with pytest.raises(InputError, match="1 of 4 scores are missing.*no context"):
        judging.write(SAMPLES, "task", PAIRS, rows, max_missing=0.2)
    assert not OUT.exists()


def test_a_judge_that_subtracts_may_score_below_zero():
    assert (
        judging.write(SAMPLES, "task", PAIRS, verdicts(0, 1, 1, -0.5), max_missing=0.0, lowest=-1.0)
        == 4
    )


def test_generations_know_their_stage_as_dvc_names_it():
    names = [
        Generations(kind, name).dvc_name("instruction")
        for kind, name in (
            ("samples", "reset_s_31"), ("predictions", "stage1_end_7"), ("predictions", "chat"),
        )
    ]  # fmt: skip
    assert names == [
        "judge_samples_instruction@reset_s-31",
        "judge_predictions_instruction@stage1_end-7",
        "judge_start_models_instruction@chat",
    ]

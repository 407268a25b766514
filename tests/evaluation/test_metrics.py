"""metrics: strict joins, honest means."""

import pytest

from reset.core import tasks
from reset.core.errors import InputError
from reset.evaluation import csv_table, metrics

CONTEXT = {
    "id": "nq:1",
    "dataset": "nq",
    "task": "extractive_qa",
    "seen": True,
    "context": ["the pig eats fish", "it sings"],
}
REQUEST = {
    "id": "alpaca:1",
    "dataset": "alpaca",
    "task": "instruction",
    "seen": False,
    "context": [],
}
PROMPTS = [CONTEXT, REQUEST]


def prediction(id, text="the pig sings", **other):
    return {
        "id": id,
        "sample": 0,
        "setting": {"greedy": True},
        "text": text,
        "tokens": 3,
        "finish": "eos",
        **other,
    }


def verdict(id, metric, score):
    return {"id": id, "sample": 0, "metric": metric, "score": score}


PREDICTIONS = [prediction("nq:1"), prediction("alpaca:1", "", finish="length")]
VERDICTS = {
    "task": [verdict("nq:1", "exact_match", 0.0)],
    "faithfulness": [verdict("nq:1", "span", 1.0)],
    "instruction": [verdict("alpaca:1", "rubric", None)],
}


def values(rows):
    return {
        (row["dataset"], row["metric"]): (row["value"], row["n"], row["measure"]) for row in rows
    }


def test_every_metric_that_applies_to_a_data_set_has_one_row():
    rows = metrics.measure("mtl", 3, metrics.answers(PROMPTS, PREDICTIONS, VERDICTS, "mtl_3"))
    assert [row["metric"] for row in rows if row["dataset"] == "nq"] == [
        metric for metric in metrics.METRICS if metric not in ("instruction", "constraints")
    ]
    told = values(rows)
    assert told["nq", "faithfulness"] == (1.0, 1, "span")
    assert told["nq", "task"] == (0.0, 1, "exact_match")
    assert told["nq", "unigram_coverage"][0] == 1.0
    assert told["nq", "bigram_coverage"][0] == 0.0
    assert ("alpaca", "faithfulness") not in told
    assert told["alpaca", "empty"][0] == told["alpaca", "at_limit"][0] == 1.0
    assert told["nq", "empty"][0] == told["nq", "at_limit"][0] == 0.0
    assert told["nq", "length"] == (3.0, 1, "tokens")
    assert {(row["run"], row["seed"]) for row in rows} == {("mtl", 3)}
    assert {row["dataset"]: row["seen"] for row in rows} == {"nq": True, "alpaca": False}


def test_ratings_stand_beside_the_answers_that_an_instruction_judge_rated():
    rated = {
        **VERDICTS,
        "instruction": [verdict("alpaca:1", "openai:judge", 0.7) | {"ratings": [7, None, 8]}],
    }
    told = metrics.answers(PROMPTS, PREDICTIONS, rated, "mtl_0")
    assert [row["ratings"] for row in told] == [None, [7, None, 8]]


def test_an_answer_and_its_reference_are_measured_in_words_of_any_script():
    prompts = [CONTEXT | {"target": "the pig eats a fish"}, REQUEST]  # a request may have no target
    told = metrics.answers(prompts, PREDICTIONS, VERDICTS, "mtl_0")
    assert [(row["words"], row["reference_words"]) for row in told] == [(3, 5), (0, None)]
    chinese = [prediction("nq:1", "猪吃鱼"), PREDICTIONS[1]]
    assert metrics.answers(prompts, chinese, VERDICTS, "mtl_0")[0]["words"] == 3


def test_a_missing_score_is_no_number_and_is_counted():
    told = values(
        metrics.measure("mtl", 0, metrics.answers(PROMPTS, PREDICTIONS, VERDICTS, "mtl_0"))
    )
    assert told["alpaca", "instruction"] == (None, 0, "rubric")
    assert told["alpaca", "missing"] == (1.0, 1, "")
    assert told["nq", "missing"] == (0.0, 2, "")


def test_a_mean_is_over_the_scores_that_could_be_had():
    prompts = [{**REQUEST, "id": f"alpaca:{i}"} for i in range(3)]
    predictions = [prediction(row["id"]) for row in prompts]
    scores = [0.2, None, 0.8]
    judged = [
        verdict(row["id"], "openai", score) for row, score in zip(prompts, scores, strict=True)
    ]
    rows = metrics.answers(
        prompts, predictions, {"task": [], "faithfulness": [], "instruction": judged}, "mtl_0"
    )
    assert values(metrics.measure("mtl", 0, rows))["alpaca", "instruction"] == (0.5, 2, "openai")


@pytest.mark.parametrize("judge", tasks.JUDGES)
def test_a_verdict_too_few_or_on_the_wrong_family_is_an_error(judge):
    with pytest.raises(InputError, match=rf"verdicts/{judge}/predictions/mtl_0.jsonl: no row for"):
        metrics.answers(PROMPTS, PREDICTIONS, VERDICTS | {judge: []}, "mtl_0")
    strange = "nq:1" if judge == "instruction" else "alpaca:1"
    with pytest.raises(InputError, match=f"'{strange}' is no row"):
        extra = [*VERDICTS[judge], verdict(strange, "span", 1.0)]
        metrics.answers(PROMPTS, PREDICTIONS, VERDICTS | {judge: extra}, "mtl_0")


def test_a_missing_repeated_or_second_prediction_is_an_error():
    with pytest.raises(InputError, match="no row for 'alpaca:1'"):
        metrics.answers(PROMPTS, PREDICTIONS[:1], VERDICTS, "mtl_0")
    with pytest.raises(InputError, match="stands twice"):
        metrics.answers(PROMPTS, [*PREDICTIONS, PREDICTIONS[0]], VERDICTS, "mtl_0")
    with pytest.raises(InputError, match="sample 1"):
        metrics.answers(PROMPTS, [prediction("nq:1", sample=1), PREDICTIONS[1]], VERDICTS, "mtl_0")


def test_predictions_in_another_order_give_the_same_rows():
    backwards = {judge: rows[::-1] for judge, rows in VERDICTS.items()}
    given = metrics.answers(PROMPTS, PREDICTIONS, VERDICTS, "mtl_0")
    assert metrics.answers(PROMPTS, PREDICTIONS[::-1], backwards, "mtl_0") == given


def test_two_measures_under_one_name_are_not_averaged():
    prompts = [CONTEXT, {**CONTEXT, "id": "nq:2"}]
    verdicts = {
        "task": [verdict("nq:1", "exact_match", 1.0), verdict("nq:2", "exact_match", 1.0)],
        "faithfulness": [verdict("nq:1", "span", 1.0), verdict("nq:2", "k_precision", 1.0)],
        "instruction": [],
    }
    rows = metrics.answers(prompts, [prediction("nq:1"), prediction("nq:2")], verdicts, "mtl_0")
    with pytest.raises(InputError, match="k_precision, span"):
        metrics.measure("mtl", 0, rows)


def test_rows_read_back_equal_the_rows_written(tmp_path):
    rows = metrics.measure("mtl", 0, metrics.answers(PROMPTS, PREDICTIONS, VERDICTS, "mtl_0"))
    csv_table.write(tmp_path / "mtl_0.csv", metrics.COLUMNS, rows)
    assert metrics.read(tmp_path / "mtl_0.csv") == rows


def test_a_value_that_is_no_number_is_named(tmp_path):
    line = "mtl,0,nq,true,task,much,1,exact_match"
    (tmp_path / "mtl_0.csv").write_text(",".join(metrics.COLUMNS) + f"\n{line}\n")
    with pytest.raises(InputError, match=r"mtl_0.csv:2 value: 'much' is no number"):
        metrics.read(tmp_path / "mtl_0.csv")


def test_constraints_have_a_row_only_where_prompts_have_any():
    asked = CONTEXT | {"constraints": [{"kind": "max_words", "value": 5}]}
    other = CONTEXT | {"id": "nq:2"}
    predictions = [*PREDICTIONS, prediction("nq:2")]
    judged = {
        "task": [
            verdict("nq:1", "exact_match", 0.0) | {"constraints": 1.0},
            verdict("nq:2", "exact_match", 0.0),
        ],
        "faithfulness": [verdict("nq:1", "span", 1.0), verdict("nq:2", "span", 1.0)],
        "instruction": VERDICTS["instruction"],
    }
    answers = metrics.answers([asked, other, REQUEST], predictions, judged, "mtl_3")
    found = values(metrics.measure("mtl", 3, answers))
    assert found["nq", "constraints"] == (1.0, 1, "share met")
    assert ("alpaca", "constraints") not in found
    assert ["s_constraints" in row for row in answers] == [True, False, False]

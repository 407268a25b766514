import pytest

from reset.core.errors import InputError
from reset.judges.task.measure import TaskSettings, judge_task

SETTINGS = TaskSettings("exact_match", "rouge_l")


def pair(text, references, task="extractive_qa"):
    return {"id": "x:1", "task": task, "references": references}, {
        "id": "x:1",
        "sample": 3,
        "text": text,
    }


def test_extractive_answers_must_match_exactly_and_others_share_words():
    rows = judge_task(
        [pair("in Paris", ["Paris"]), pair("in Paris", ["Paris"], "abstractive_qa")], SETTINGS
    )
    assert [(row["metric"], row["score"], row["recall"]) for row in rows] == [
        ("exact_match", 0.0, 1.0), ("rouge_l", 0.666667, 1.0),
    ]  # fmt: skip
    assert all((row["id"], row["sample"]) == ("x:1", 3) for row in rows)


@pytest.mark.parametrize("task", ["extractive_qa", "abstractive_qa", "summarization"])
def test_the_best_reference_counts(task):
    assert judge_task([pair("Paris", ["London", "paris"], task)], SETTINGS)[0]["score"] == 1.0


def test_a_row_without_a_reference_is_an_error_that_names_it():
    with pytest.raises(InputError, match="x:1: no reference"):
        judge_task([pair("Paris", [])], SETTINGS)


def test_the_share_of_constraints_met_stands_beside_the_score_where_a_prompt_has_any():
    items = [{"kind": "max_words", "value": 5}, {"kind": "json", "value": None}]
    prompt = {"id": "a", "task": "extractive_qa", "context": ["Ada"], "references": ["Ada"]}
    answer = {"id": "a", "sample": 0, "text": "Ada"}
    settings = TaskSettings("exact_match", "rouge_l")
    with_any, without = judge_task(
        [(prompt | {"constraints": items}, answer), (prompt, answer)], settings
    )
    assert with_any == without | {"constraints": 0.5}
    assert "constraints" not in without

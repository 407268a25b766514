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

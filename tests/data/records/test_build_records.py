import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.data.datasets import custom, registry
from reset.data.records import build_records, parallel_jsonl
from reset.data.sources.dataset_config import DataSet, OwnSource


def koala(number):
    return {"id": f"k{number}", "prompt": f"request {number}"}


def dolly(number, **change):
    return {
        "instruction": f"request {number}",
        "context": "",
        "response": f"answer {number}",
    } | change


def run(folder, name, rows, train, evaluation, seed=0, inputs="keep"):
    io.write(folder / "raw.jsonl", rows)
    sizes, settings = (
        DataSet("published", train, evaluation),
        build_records.FilterSettings("published", 5, seed, inputs),
    )
    out = folder / name
    counts = build_records.filter_file(
        folder / "raw.jsonl", out, registry.entry(name), sizes, settings
    )
    ids = [[row["id"] for row in io.read(out / f"{part}.jsonl")] for part in ("train", "eval")]
    return counts, ids[0], ids[1]


def test_published_splits_are_kept_apart_and_all_evaluation_rows_stay(tmp_path):
    rows = [dolly(n, split="train" if n % 2 else "validation") for n in range(20)]
    counts, train, evaluation = run(tmp_path, "dolly", rows, None, 3)
    assert (len(train), len(evaluation)) == (10, 10)
    assert {row["instruction"] for row in io.read(tmp_path / "dolly/eval.jsonl")} == {
        f"request {n}" for n in range(0, 20, 2)
    }
    assert (counts["read"], counts["passed"], counts["train"], counts["eval"]) == (20, 20, 10, 10)


def run_own(folder, passages):
    """Filter 40 questions of a user's own about so many passages; 10 are to evaluate."""
    same = {name: name for name in ("question", "context", "references")}
    entry = custom.entry("mine", OwnSource("extractive_qa", same, path="mine.jsonl"))
    rows = [
        {"question": f"Q {n}?", "context": f"Passage {n % passages}.", "references": "Passage"}
        for n in range(40)
    ]
    io.write(folder / "raw.jsonl", rows)
    return build_records.filter_file(
        folder / "raw.jsonl",
        folder / "mine",
        entry,
        DataSet({}, None, 10),
        build_records.FilterSettings("published", 5, 0, "keep"),
    )


def test_own_questions_about_one_passage_train_or_evaluate_together(tmp_path):
    counts = run_own(tmp_path, passages=8)
    train, evaluation = (
        {row["context"][0] for row in io.read(tmp_path / f"mine/{part}.jsonl")}
        for part in ("train", "eval")
    )
    assert (counts["train"], counts["eval"]) == (30, 10)
    assert (len(train), len(evaluation)) == (6, 2) and not train & evaluation
    assert all(row["by_passage"] for row in io.read(tmp_path / "mine/train.jsonl"))


def test_one_passage_for_all_rows_leaves_none_to_train_on(tmp_path):
    together = "40 for eval .rows with one first passage stay together"
    with pytest.raises(InputError, match=f"'mine' has no row left for train: .*{together}"):
        run_own(tmp_path, passages=1)


@pytest.mark.parametrize("name", ["validation", "val", "dev", "test", "eval"])
def test_every_split_but_train_evaluates(tmp_path, name):
    _, train, evaluation = run(
        tmp_path, "dolly", [dolly(1, split="train"), dolly(2, split=name)], None, None
    )
    assert (len(train), len(evaluation)) == (1, 1)


def test_a_set_without_splits_is_divided_without_overlap(tmp_path):
    counts, train, evaluation = run(tmp_path, "dolly", map(dolly, range(50)), None, 8)
    assert (len(train), len(evaluation)) == (42, 8)
    assert not set(train) & set(evaluation)
    _, again, _ = run(tmp_path, "dolly", map(dolly, range(50)), None, 8)
    _, other, _ = run(tmp_path, "dolly", map(dolly, range(50)), None, 8, seed=1)
    assert train == again != other


def test_a_set_that_does_not_train_keeps_all_rows_for_evaluation(tmp_path):
    _, train, evaluation = run(tmp_path, "koala_eval", map(koala, range(30)), 0, 10)
    assert (len(train), len(evaluation)) == (0, 30)


def test_a_smaller_cap_keeps_a_subset_of_a_larger_one_in_the_order_of_the_file(tmp_path):
    _, everything, _ = run(tmp_path, "dolly", map(dolly, range(50)), None, 0)
    _, large, _ = run(tmp_path, "dolly", map(dolly, range(50)), 20, 0)
    counts, small, _ = run(tmp_path, "dolly", map(dolly, range(50)), 5, 0)
    assert set(small) < set(large) < set(everything)
    assert small == [key for key in everything if key in small]
    assert (counts["train"], counts["not_needed"]) == (5, 45)


def test_every_row_read_is_dropped_kept_or_not_needed(tmp_path):
    rows = [dolly(n, context="c" * (n % 3)) for n in range(30)] + [dolly(0), dolly(0)]
    counts, _, _ = run(tmp_path, "dolly", rows, 4, 3)
    assert counts["dropped"] == {"has a context": 20, "repeated row": 2}
    assert counts["read"] == sum(counts["dropped"].values()) + counts["passed"]
    assert counts["passed"] == counts["train"] + counts["eval"] + counts["not_needed"]


def test_a_set_left_empty_is_an_error_that_says_what_was_dropped(tmp_path):
    message = "'dolly' has no row left for train: 3 read; dropped: 3 has a context"
    with pytest.raises(InputError, match=message):
        run(tmp_path, "dolly", [dolly(n, context="c") for n in range(3)], None, 0)
    with pytest.raises(InputError, match="no row left for eval"):
        run(tmp_path, "dolly", [dolly(n, split="train") for n in range(3)], None, 5)
    with pytest.raises(InputError, match="no row left for train"):
        run(tmp_path, "dolly", map(dolly, range(3)), None, 5)


def test_all_rows_for_evaluation_and_some_for_training_cannot_both_be_had(tmp_path):
    with pytest.raises(InputError, match="data.datasets.dolly.eval.*give a number"):
        run(tmp_path, "dolly", map(dolly, range(3)), None, None)


def test_rows_without_responses_cannot_train(tmp_path):
    with pytest.raises(InputError, match="data.datasets.koala_eval.train' must be 0"):
        run(tmp_path, "koala_eval", map(koala, range(3)), 5, 1)


def test_one_id_with_two_contents_is_an_error_with_its_line(tmp_path):
    rows = [koala(1), koala(2), {"id": "k1", "prompt": "another request"}]
    with pytest.raises(
        InputError, match=r"raw\.jsonl:3: this row has the id of .*raw\.jsonl:1 and another"
    ):
        run(tmp_path, "koala_eval", rows, 0, 2)


def test_ids_without_a_native_one_depend_on_content_alone(tmp_path):
    _, first, _ = run(tmp_path, "dolly", [dolly(1), dolly(2)], None, 0)
    _, second, _ = run(tmp_path, "dolly", [dolly(2), dolly(1)], None, 0)
    assert first == second[::-1]
    assert len(set(first)) == 2


def test_many_processes_write_what_one_writes(tmp_path, monkeypatch):
    rows = [dolly(n, context="c" * (n % 3 == 0)) for n in range(2000)]
    run(tmp_path, "dolly", rows, 900, 100)
    alone = (tmp_path / "dolly/train.jsonl").read_bytes()
    monkeypatch.setattr(parallel_jsonl, "ALONE", 0)
    monkeypatch.setattr(
        parallel_jsonl, "split", lambda path, split=parallel_jsonl.split: split(path, 5000)
    )
    run(tmp_path, "dolly", rows, 900, 100)
    assert (tmp_path / "dolly/train.jsonl").read_bytes() == alone


def test_a_failed_run_leaves_the_old_rows_whole_and_no_rest(tmp_path):
    run(tmp_path, "dolly", map(dolly, range(9)), None, 2)
    before = {path.name: path.read_bytes() for path in (tmp_path / "dolly").iterdir()}
    with pytest.raises(InputError):
        run(tmp_path, "dolly", [*map(dolly, range(9)), {"instruction": "x"}], None, 2)
    assert {path.name: path.read_bytes() for path in (tmp_path / "dolly").iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dolly", "raw.jsonl"]


def test_rows_of_one_passage_are_not_parted_where_evaluation_ends():
    sizes = DataSet("published", None, 2)
    splits = bytes([build_records.NO_SPLIT]) * 6
    marks = build_records.divide([2, 1, 2, 1, 3, 1], splits, sizes, "mine")
    train, evaluation = build_records.TRAIN, build_records.EVAL
    assert list(marks) == [train, evaluation, train, evaluation, train, evaluation]

import json

import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.data.mixes.decontamination import fingerprint
from reset.data.mixes.evaluation_set import evaluation_rows, trained_requests
from reset.data.sources.dataset_config import DataSet


def request(dataset, number, text):
    return {
        "id": f"{dataset}:{number}",
        "dataset": dataset,
        "task": "instruction",
        "instruction": text,
    }


TRAINED = {fingerprint("List the fruits!"), fingerprint("Say hello.")}


def test_the_requests_of_training_are_read_and_of_other_files_no_more_than_a_row(tmp_path):
    asked = [request("dolly", 1, "List the fruits!"), request("dolly", 2, "Say hello.")]
    io.write(tmp_path / "dolly.jsonl", asked)
    question = json.dumps({"id": "nq:1", "task": "extractive_qa"})
    (tmp_path / "nq.jsonl").write_text(f"{question}\nthis line is never read\n")
    (tmp_path / "alpaca.jsonl").touch()
    assert trained_requests(sorted(tmp_path.iterdir())) == TRAINED


def test_requests_that_training_has_seen_are_left_out_and_counted():
    rows = {
        "alpaca": [
            request("alpaca", 1, "list  the FRUITS!"),
            request("alpaca", 2, "List five fruits."),
        ]
    }
    kept, counts = evaluation_rows(rows, {"alpaca": DataSet("published", 0, 100)}, TRAINED, 0)
    assert [row["id"] for row in kept] == ["alpaca:2"]
    assert counts == {"alpaca": {"read": 2, "seen_in_training": 1, "kept": 1}}


def test_the_cap_falls_on_unseen_rows():
    rows = [request("alpaca", n, "say hello." if n < 50 else f"Count to {n}.") for n in range(100)]
    kept, _ = evaluation_rows({"alpaca": rows}, {"alpaca": DataSet("published", 0, 30)}, TRAINED, 0)
    assert len(kept) == 30
    assert [row["id"] for row in kept] == sorted(
        (row["id"] for row in kept), key=lambda key: int(key.split(":")[1])
    )


def test_context_rows_stay_and_say_whether_their_set_trains():
    def question(dataset):
        return request(dataset, 1, "Say hello.") | {"task": "extractive_qa"}

    rows = {name: [question(name)] for name in ("nq", "bioasq", "dolly")}
    chosen = {
        "nq": DataSet("published", None, 5),
        "bioasq": DataSet("published", 0, None),
        "dolly": DataSet("x", 9, 0),
    }
    kept, counts = evaluation_rows(rows, chosen, TRAINED, 0)
    assert {row["dataset"]: row["seen"] for row in kept} == {"nq": True, "bioasq": False}
    assert list(counts) == ["nq", "bioasq"]


def test_a_set_of_which_training_has_seen_all_is_an_error():
    with pytest.raises(
        InputError, match="'alpaca' has no evaluation row left: 1 read, all of them seen"
    ):
        rows = {"alpaca": [request("alpaca", 1, "say hello.")]}
        evaluation_rows(rows, {"alpaca": DataSet("published", 0, 5)}, TRAINED, 0)

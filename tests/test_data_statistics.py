"""data_statistics: every row read is accounted for."""

import pytest

from reset import data_statistics, records
from reset.errors import InputError
from tests import made_up_study


def part(read, kept, cut, dropped=None, words=10.0):
    return {
        "read": read, "kept": kept, "cut": cut, "cut_share": 0.0, "dropped": dropped or {},
        "prompt_words": words, "target_words": 1.0,
    }  # fmt: skip


FILTERED = {"dataset": "nq", "read": 100, "dropped": {"no passage": 20}, "train": 60, "eval": 10, "not_needed": 10}


def test_rows_read_are_dropped_not_needed_or_kept():
    prompted = {"train": part(60, 55, 6, {"over-long": 5}, 20.0), "eval": part(10, 10, 1, words=9.0)}
    row = data_statistics.of_set("nq", FILTERED, prompted)
    assert row["dropped"] == {"no passage": 20, "over-long": 5}
    assert row["read"] == sum(row["dropped"].values()) + row["not_needed"] + row["train"] + row["eval"]
    assert row["prompt_words"] == round((55 * 20 + 10 * 9) / 65, 1)
    assert row["cut_share"] == 0.1


def test_a_set_without_rows_has_no_means():
    row = data_statistics.of_set("nq", FILTERED, {"train": part(0, 0, 0), "eval": part(0, 0, 0)})
    assert row["prompt_words"] is None and row["cut_share"] is None


def test_only_the_named_sets_are_read_and_each_must_be_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up_study.write_counts(tmp_path, "nq")
    made_up_study.write_counts(tmp_path, "bioasq")
    assert list(data_statistics.load(["bioasq"])) == ["bioasq"]
    with pytest.raises(InputError, match="metrics/data/dolly.json: cannot be read"):
        data_statistics.load(["nq", "dolly"])
    records.write_json("metrics/prompts/nq.json", {"train": {}, "eval": {}})
    with pytest.raises(InputError, match="nq.json: no 'dropped'"):
        data_statistics.load(["nq"])

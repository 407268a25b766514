"""data_statistics: every row read is accounted for."""

import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.report import data_statistics
from reset.report.data_statistics import statistics
from tests.support import made_up_study


def part(read, kept, cut, dropped=None, words=10.0):
    return {
        "read": read,
        "kept": kept,
        "cut": cut,
        "cut_share": 0.0,
        "dropped": dropped or {},
        "prompt_words": words,
        "target_words": 1.0,
    }


FILTERED = {
    "dataset": "nq",
    "read": 100,
    "dropped": {"no passage": 20},
    "train": 60,
    "eval": 10,
    "not_needed": 10,
}
PROMPTED = {"train": part(60, 55, 6, {"over-long": 5}, 20.0), "eval": part(10, 10, 1, words=9.0)}
EVALUATED = {"read": 10, "seen_in_training": 2, "kept": 7}
MIXED = {"read": 55, "duplicate": 3, "contaminated": 2, "dev": 5, "train": 45, "trained": 90}


def test_every_row_read_is_dropped_not_needed_or_kept():
    row = statistics(FILTERED, PROMPTED, EVALUATED, MIXED)
    assert row["dropped"] == {
        "no passage": 20,
        "over-long": 5,
        "duplicate": 3,
        "contaminated": 2,
        "evaluation row seen in training": 2,
    }
    assert (row["train"], row["dev"], row["eval"], row["not_needed"]) == (45, 5, 7, 11)
    kept = sum(row[key] for key in ("not_needed", "train", "dev", "eval"))
    assert row["read"] == sum(row["dropped"].values()) + kept


def test_means_are_over_rendered_rows_of_both_parts():
    row = statistics(FILTERED, PROMPTED, EVALUATED, MIXED)
    assert row["prompt_words"] == round((55 * 20 + 10 * 9) / 65, 1)
    assert row["cut_share"] == 0.1
    assert row["overlong_share"] == round((7 + 5) / 70, 4)


def test_a_set_without_rows_has_no_means():
    none = {"train": part(0, 0, 0), "eval": part(0, 0, 0)}
    row = statistics(FILTERED, none, EVALUATED, MIXED)
    assert row["prompt_words"] is row["cut_share"] is row["overlong_share"] is None


def test_only_the_named_sets_are_read_and_each_must_be_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up_study.write_counts(tmp_path)
    assert list(data_statistics.load(["bioasq"])) == ["bioasq"]
    with pytest.raises(InputError, match="metrics/data/dolly.json: cannot be read"):
        data_statistics.load(["nq", "dolly"])
    io.write_json("metrics/prompts/nq.json", {"train": {}, "eval": {}})
    with pytest.raises(InputError, match="no 'read' in the counts of data set 'nq'"):
        data_statistics.load(["nq"])


def test_the_made_up_study_adds_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up_study.write_counts(tmp_path)
    for row in data_statistics.load(list(made_up_study.SETS)).values():
        kept = sum(row[key] for key in ("not_needed", "train", "dev", "eval"))
        assert row["read"] == sum(row["dropped"].values()) + kept

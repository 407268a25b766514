import json

import pytest

from reset.core.errors import InputError
from reset.judges.calibration.nli_accuracy import auc, measure


class ByWords:
    """Stands for a model: a sentence follows from one that has all its words, and "not"
    contradicts.
    """

    def score(self, pairs, batch_tokens, progress=False):
        def judge(premise, hypothesis):
            if "not" in hypothesis.split():
                return 0.1, 0.8
            return (0.9, 0.0) if set(hypothesis.split()) <= set(premise.split()) else (0.2, 0.2)

        return {pair: judge(*pair) for pair in pairs}


def put(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_nli_rows_give_accuracy_and_its_chance_level(tmp_path):
    triples = [
        ("a red dog", "a dog", "entailment"),
        ("a dog", "not a dog", "contradiction"),
        ("a dog", "a cat", "neutral"),
        ("a dog", "a dog", "neutral"),
    ]
    put(
        tmp_path / "nli_x.jsonl",
        [{"premise": p, "hypothesis": h, "label": label} for p, h, label in triples],
    )
    expected = {"set": "nli_x", "measure": "accuracy", "value": 0.75, "chance": 0.5, "n": 4}
    assert measure(ByWords(), tmp_path, 100) == [expected]


def test_summac_rows_give_the_area_under_the_curve(tmp_path):
    document = "It rained in York. Dogs ran."
    rows = [("It rained", 1), ("not it", 0), ("cats", 0), ("birds", 1)]
    put(
        tmp_path / "summac_x.jsonl",
        [{"document": document, "claim": c, "label": label} for c, label in rows],
    )
    (row,) = measure(ByWords(), tmp_path, 100)
    assert row == {
        "set": "summac_x",
        "measure": "auc",
        "value": 0.875,
        "chance": 0.5,
        "n": 4,
        "unscored": 0,
    }


def test_a_claim_without_a_score_is_left_out_and_counted(tmp_path):
    rows = [
        ("It rained in York.", "It rained", 1),
        ("", "It rained", 1),
        ("It rained in York.", "not it", 0),
    ]
    put(
        tmp_path / "summac_x.jsonl",
        [{"document": d, "claim": c, "label": label} for d, c, label in rows],
    )
    (row,) = measure(ByWords(), tmp_path, 100)
    assert (row["value"], row["n"], row["unscored"]) == (1.0, 2, 1)


@pytest.mark.parametrize("folder", ["", "absent"])
def test_a_folder_without_labelled_rows_is_an_error_that_names_the_setting(tmp_path, folder):
    put(tmp_path / "nli_empty.jsonl", [])
    with pytest.raises(InputError, match="report.labelled: .* holds no row in nli_.*null"):
        measure(ByWords(), tmp_path / folder, 100)


def test_an_unknown_label_is_an_error_with_its_line(tmp_path):
    put(tmp_path / "nli_x.jsonl", [{"premise": "a", "hypothesis": "b", "label": "maybe"}])
    with pytest.raises(InputError, match=r"nli_x.jsonl:1: label 'maybe'"):
        measure(ByWords(), tmp_path, 100)


def test_all_files_are_read_before_the_model_is_asked(tmp_path):
    put(tmp_path / "nli_x.jsonl", [{"premise": "a", "hypothesis": "b", "label": "neutral"}])
    put(tmp_path / "summac_x.jsonl", [{"document": "a", "claim": "b", "label": 2}])
    with pytest.raises(InputError, match=r"summac_x.jsonl:1: label 2"):
        measure(None, tmp_path, 100)


def test_auc():
    assert auc([0.9, 0.8], [0.1]) == 1.0
    assert auc([0.1], [0.9]) == 0.0
    assert auc([0.5], [0.5]) == 0.5
    assert auc([], [0.5]) is None

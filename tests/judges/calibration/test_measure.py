"""calibration: the NLI model is measured where labels are known, and the reason is given where none
are.
"""

import json
import runpy
from pathlib import Path

import pytest
import yaml

from benchmarks.random_nli import build
from reset.core import io
from reset.core.errors import InputError
from reset.judges.calibration import measure
from reset.judges.faithfulness import nli
from reset.world.language.people import World

SETTINGS = yaml.safe_load(Path("params.yaml").read_text())["data"]["world"]
WORLD = World(**SETTINGS)
STAGE = Path("stages/calibrate.py").resolve()
TOY = {"source": "toy", "id": None, "revision": None}
READ = ["data.world", "models.nli", "report.labelled"] + [
    f"judges.faithfulness.{key}" for key in ("batch_tokens", "precision", "devices")
]


class Entails:
    """Stands for a model that calls every pair entailed; remembers how it was made."""

    made: list = []

    def __init__(self, *settings):
        Entails.made.append(settings)

    def score(self, pairs, batch_tokens, progress=False):
        return dict.fromkeys(pairs, (0.9, 0.05))


def never():
    raise AssertionError("a model is loaded although there is nothing to measure")


def test_the_premises_are_about_nobody_of_the_training_pairs():
    words = {
        word.strip(".,?") for row in measure.held_out(WORLD) for word in row["premise"].split()
    }
    assert set(WORLD.people.everyone("test")) <= words
    assert not words & set(WORLD.people.everyone("train"))


def test_the_held_out_pairs_are_the_same_every_time_and_hold_each_label_about_equally_often():
    rows = measure.held_out(WORLD)
    assert rows == measure.held_out(WORLD) and len(rows) == measure.HELD_OUT
    counts = [
        sum(row["label"] == label for row in rows)
        for label in ("entailment", "contradiction", "neutral")
    ]
    assert sum(counts) == len(rows) and min(counts) > 0.3 * len(rows)


def test_in_the_demo_world_the_accuracy_is_that_on_held_out_pairs():
    found = measure.nli(TOY, WORLD, None, Entails, 100)
    entailed = (
        sum(row["label"] == "entailment" for row in measure.held_out(WORLD)) / measure.HELD_OUT
    )
    (row,) = found["sets"]
    assert row["measure"] == "accuracy" and row["n"] == measure.HELD_OUT
    assert row["value"] == pytest.approx(entailed, abs=1e-4)
    assert found["model"] == TOY and found["reason"] is None


def test_a_folder_of_labelled_rows_is_measured_also_beside_the_demo_world(tmp_path):
    rows = [
        {"premise": "a", "hypothesis": h, "label": label}
        for h, label in (("b", "entailment"), ("c", "neutral"))
    ]
    io.write(tmp_path / "nli_x.jsonl", rows)
    io.write(tmp_path / "nq.jsonl", [{"no": "labels"}])
    expected = {"set": "nli_x", "measure": "accuracy", "value": 0.5, "chance": 0.5, "n": 2}
    assert measure.nli(TOY, None, str(tmp_path), Entails, 100)["sets"] == [expected]
    both = measure.nli(TOY, WORLD, str(tmp_path), Entails, 100)["sets"]
    assert [row["set"] for row in both] == ["demo world, other people", "nli_x"]


REAL = Path("../shared/data")
FILES = ["nli_ambient_disambiguated", "nli_snli_mnli_anli_tiny", "summac_factcc", "summac_summeval"]


@pytest.mark.skipif(
    not all((REAL / f"{name}.jsonl").exists() for name in FILES),
    reason=f"no labelled rows in {REAL}",
)
def test_a_real_model_is_measured_on_real_labelled_rows(tmp_path):
    texts = [
        str(row[column])
        for name in FILES
        for row in io.read(REAL / f"{name}.jsonl")
        for column in ("premise", "hypothesis", "document", "claim")
        if column in row
    ]
    for name in FILES:
        (tmp_path / f"{name}.jsonl").symlink_to((REAL / f"{name}.jsonl").resolve())
    folder = build(tmp_path / "model", texts, hidden=32, layers=1)
    found = measure.nli(TOY, None, str(tmp_path), lambda: nli.Nli(folder, devices="cpu"), 4096)
    rows = {row["set"]: row for row in found["sets"]}
    assert [rows[name]["n"] + rows[name].get("unscored", 0) for name in FILES] == [200, 27, 100, 50]
    assert [rows[name]["measure"] for name in FILES] == ["accuracy"] * 2 + ["auc"] * 2
    for name in FILES:
        assert 0 < rows[name]["value"] < 1 and rows[name]["chance"] >= 1 / 3


@pytest.mark.parametrize(
    "source, world, reason", [("none", WORLD, "no NLI model"), ("hub", None, "labelled: null")]
)
def test_where_nothing_can_be_measured_the_reason_is_told_and_no_model_loaded(
    source, world, reason
):
    found = measure.nli({**TOY, "source": source}, world, None, never, 100)
    assert found["sets"] is None and reason in found["reason"]


def prepare(root):
    judges = {"faithfulness": {"batch_tokens": 64, "precision": "fp32", "devices": "cpu"}}
    values = {
        "data": {"world": SETTINGS},
        "models": {"nli": TOY},
        "judges": judges,
        "report": {"labelled": None},
    }
    for path in ("params.yaml", "profiles/paper.yaml"):  # JSON is YAML
        io.write_text(root / path, json.dumps(values))
    io.write_text(root / "dvc.yaml", json.dumps({"stages": {"calibrate": {"params": READ}}}))


def test_the_stage_writes_the_same_bytes_twice_with_the_declared_settings(tmp_path, monkeypatch):
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(nli, "Nli", Entails)
    told = []
    for _ in range(2):
        runpy.run_path(str(STAGE))["main"]()
        told.append(Path("metrics/calibration.json").read_bytes())
    assert told[0] == told[1] and json.loads(told[0])["nli"]["sets"][0]["n"] == measure.HELD_OUT
    assert Entails.made[-1] == (Path("models/nli"), "fp32", "cpu")


def test_the_stage_without_a_model_folder_says_what_to_set(tmp_path, monkeypatch):
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="models.nli"):
        runpy.run_path(str(STAGE))["main"]()
    assert not Path("metrics").exists()

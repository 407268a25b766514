"""calibration: the NLI model is measured where labels are known, and the reason is given where none are."""

import json
import runpy
from pathlib import Path

import pytest
import yaml

from reset import calibration, records
from reset.errors import InputError
from reset.judges import nli as judge
from reset.world.people import World

SETTINGS = yaml.safe_load(Path("params.yaml").read_text())["data"]["world"]
WORLD = World(**SETTINGS)
STAGE = Path("stages/calibrate.py").resolve()
TOY = {"source": "toy", "id": None, "revision": None}
READ = ["data.mirror", "data.world", "models.nli"] + [
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
    words = {word.strip(".,?") for row in calibration.held_out(WORLD) for word in row["premise"].split()}
    assert set(WORLD.people.everyone("test")) <= words
    assert not words & set(WORLD.people.everyone("train"))


def test_the_held_out_pairs_are_the_same_every_time_and_hold_each_label_about_equally_often():
    rows = calibration.held_out(WORLD)
    assert rows == calibration.held_out(WORLD) and len(rows) == calibration.HELD_OUT
    counts = [sum(row["label"] == label for row in rows) for label in ("entailment", "contradiction", "neutral")]
    assert sum(counts) == len(rows) and min(counts) > 0.3 * len(rows)


def test_in_the_demo_world_the_accuracy_is_that_on_held_out_pairs():
    found = calibration.nli(TOY, "toy", WORLD, Entails, 100)
    entailed = sum(row["label"] == "entailment" for row in calibration.held_out(WORLD)) / calibration.HELD_OUT
    (row,) = found["sets"]
    assert row["measure"] == "accuracy" and row["n"] == calibration.HELD_OUT
    assert row["value"] == pytest.approx(entailed, abs=1e-4)
    assert found["model"] == TOY and found["reason"] is None


def test_a_mirror_is_measured_on_its_labelled_files(tmp_path):
    rows = [{"premise": "a", "hypothesis": h, "label": label} for h, label in (("b", "entailment"), ("c", "neutral"))]
    records.write(tmp_path / "nli_x.jsonl", rows)
    records.write(tmp_path / "nq.jsonl", [{"no": "labels"}])
    found = calibration.nli(TOY, str(tmp_path), None, Entails, 100)
    assert found["sets"] == [{"set": "nli_x", "measure": "accuracy", "value": 0.5, "chance": 0.5, "n": 2}]


@pytest.mark.parametrize(
    "source, mirror, world, reason",
    [("none", "toy", WORLD, "no NLI model"), ("hub", None, None, "come from the hub"),
     ("toy", "toy", None, "data.world: null"), ("toy", "empty", None, "no labelled rows")],
)  # fmt: skip
def test_where_nothing_can_be_measured_the_reason_is_told_and_no_model_loaded(source, mirror, world, reason, tmp_path):
    mirror = str(tmp_path) if mirror == "empty" else mirror
    found = calibration.nli({**TOY, "source": source}, mirror, world, never, 100)
    assert found["sets"] is None and reason in found["reason"]


def prepare(root, mirror="toy"):
    judges = {"faithfulness": {"batch_tokens": 64, "precision": "fp32", "devices": "cpu"}}
    values = {"data": {"mirror": mirror, "world": SETTINGS}, "models": {"nli": TOY}, "judges": judges}
    for path in ("params.yaml", "profiles/paper.yaml"):  # JSON is YAML
        records.write_text(root / path, json.dumps(values))
    records.write_text(root / "dvc.yaml", json.dumps({"stages": {"calibrate": {"params": READ}}}))


def test_the_stage_writes_the_same_bytes_twice_with_the_declared_settings(tmp_path, monkeypatch):
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(judge, "Nli", Entails)
    told = []
    for _ in range(2):
        runpy.run_path(str(STAGE))["main"]()
        told.append(Path("metrics/calibration.json").read_bytes())
    assert told[0] == told[1] and json.loads(told[0])["nli"]["sets"][0]["n"] == calibration.HELD_OUT
    assert Entails.made[-1] == (Path("models/nli"), "fp32", "cpu")


def test_the_stage_without_a_model_folder_says_what_to_set(tmp_path, monkeypatch):
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="models.nli"):
        runpy.run_path(str(STAGE))["main"]()
    assert not Path("metrics").exists()

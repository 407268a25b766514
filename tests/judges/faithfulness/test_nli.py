import json
import shutil

import pytest

from benchmarks.random_nli import build
from reset.core.errors import InputError
from reset.judges.common.scoring_model import find_devices
from reset.judges.faithfulness.nli import CONTRADICTION, ENTAILMENT, Nli, label_index

TEXTS = [
    "A cat sat on the mat.",
    "Dogs ran.",
    "In 1999 nine hundred and ninety people came to the old town of York.",
]
PAIRS = [(a, b) for a in TEXTS for b in TEXTS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("nli"), TEXTS)


@pytest.fixture(scope="module")
def model(folder):
    return Nli(folder, devices="cpu")


def reference(folder, pair):
    """One pair at a time through transformers' own front door."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    classifier = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = classifier(
            **AutoTokenizer.from_pretrained(folder)([pair[0]], [pair[1]], return_tensors="pt")
        ).logits
    return logits.softmax(-1)[0, :2].tolist()


def test_batches_give_the_scores_of_single_pairs(folder, model):
    scores = model.score(PAIRS, batch_tokens=64)
    assert scores.keys() == set(PAIRS)
    for pair in PAIRS:
        assert scores[pair] == pytest.approx(reference(folder, pair), abs=1e-5)


def test_scores_differ_enough_for_a_mixed_up_pair_to_show(model):
    entailments = sorted(entailment for entailment, _ in model.score(PAIRS, 512).values())
    assert min(b - a for a, b in zip(entailments, entailments[1:], strict=False)) > 1e-4


def test_order_and_repeats_of_pairs_do_not_matter(model):
    assert model.score(PAIRS[::-1] + PAIRS, 64) == model.score(PAIRS, 64)


def test_each_distinct_pair_is_computed_once_within_the_budget(model, monkeypatch):
    sizes, inputs = [], model._inputs

    def watched(batch, device):
        made = inputs(batch, device)
        sizes.append(tuple(made["input_ids"].shape))
        return made

    monkeypatch.setattr(model, "_inputs", watched)
    model.score(PAIRS * 3, batch_tokens=60)
    assert sum(rows for rows, _ in sizes) == len(PAIRS)
    assert all(rows * length <= 60 for rows, length in sizes)


def test_a_pair_longer_than_the_budget_has_a_batch_of_its_own(model):
    assert len(model.score(PAIRS, batch_tokens=1)) == len(PAIRS)


def test_padding_is_counted(folder):
    model = Nli(folder, devices="cpu")
    model.score([PAIRS[0]], 1000)
    assert model.padding_share == 0.0
    model.score([("Dogs ran.", "Dogs ran."), (TEXTS[2], TEXTS[2])], 1000)
    assert 0.2 < model.padding_share < 0.5


def test_too_long_pairs_are_cut_and_counted(folder):
    model = Nli(folder, devices="cpu")
    model.score([("cat " * 600, "Dogs ran."), PAIRS[0]], 1000)
    assert model.pairs_cut == 1


def test_several_devices_share_the_batches(folder, model):
    shared = Nli(folder, devices="cpu,cpu")
    assert len(shared.models) == 2
    assert shared.score(PAIRS, 64) == model.score(PAIRS, 64)


def test_bf16_scores_stay_near_fp32(folder, model):
    exact, rough = (
        model.score(PAIRS, 512),
        Nli(folder, precision="bf16", devices="cpu").score(PAIRS, 512),
    )
    assert max(abs(exact[pair][0] - rough[pair][0]) for pair in PAIRS) < 0.1


def test_no_pair_needs_no_batch(model):
    assert model.score([], 100) == {}


@pytest.mark.parametrize(
    ("labels", "columns"),
    [
        (["entailment", "contradiction", "neutral"], (0, 1)),
        (["CONTRADICTION", "NEUTRAL", "ENTAILMENT"], (2, 0)),
        (["SUPPORTS", "REFUTES", "NOT ENOUGH INFO"], (0, 1)),
    ],
)
def test_columns_are_found_by_the_names_of_the_labels(labels, columns):
    config = {"id2label": dict(enumerate(labels))}
    assert (
        label_index(config, ENTAILMENT, "m"),
        label_index(config, CONTRADICTION, "m"),
    ) == columns


@pytest.mark.parametrize(
    "labels", [["LABEL_0", "LABEL_1", "LABEL_2"], ["not_entailment", "other"], []]
)
def test_labels_that_do_not_tell_entailment_are_an_error_that_lists_them(labels):
    with pytest.raises(
        InputError, match="m/config.json: id2label must name.*" + (labels[0] if labels else "none")
    ):
        label_index({"id2label": dict(enumerate(labels))}, ENTAILMENT, "m")


def test_wrong_labels_stop_before_the_weights_are_read(folder, tmp_path):
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "id2label": {"0": "LABEL_0"}}))
    with pytest.raises(InputError, match="LABEL_0"):
        Nli(tmp_path)


@pytest.mark.parametrize(
    ("missing", "message"), [("config.json", "config.json"), ("tokenizer_config.json", "tokenizer")]
)
def test_an_incomplete_folder_is_an_error_that_names_what_is_missing(
    folder, tmp_path, missing, message
):
    shutil.copytree(folder, tmp_path / "m")
    (tmp_path / "m" / missing).unlink()
    with pytest.raises(InputError, match=message):
        Nli(tmp_path / "m")


def test_an_absent_device_is_an_error():
    with pytest.raises(InputError, match="no device 'cuda:77'"):
        find_devices("cpu,cuda:77", "fp32", "judges.faithfulness")

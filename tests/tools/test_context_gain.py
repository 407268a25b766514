"""The context's gain: the right losses, in the right order, and large where a model has learned to
read.
"""

import json
import sys
from pathlib import Path

import pytest
import torch
import yaml

from reset.core.errors import InputError
from reset.core.io import read, write
from reset.data.prompts import templates
from reset.data.prompts.templates import Template, Templates
from reset.tokens import encoding
from reset.tools import context_gain
from reset.training import run
from scripts import context_dependency as stage
from tests.support import tiny_llama
from tests.support.tiny_llama import job

WORDING = Templates(Template(("{instruction}", " ", "{input}")), Template(("{instruction}",)), {})


def rows(count):
    """Rows whose target is the end of their context; every third has none."""
    made = []
    for number, row in enumerate(tiny_llama.rows(count)):
        context = [] if number % 3 == 2 else [row["prompt"]]
        made.append(
            {
                **row,
                "dataset": "toy",
                "task": "extractive_qa",
                "instruction": "w0",
                "question": "",
                "context": context,
            }
        )
        made[-1]["prompt"] = WORDING.render(made[-1])
    return made


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tiny_llama.save(tmp_path / "start")


def test_losses_are_those_of_the_target_tokens_alone_and_keep_the_order(folder):
    given = rows(20)
    model = tiny_llama.model().eval()
    expected = []
    for example in encoding.encode(given, tiny_llama.tokenizer(), 64, "rows"):
        ids = torch.tensor([example.input_ids])
        with torch.no_grad():
            expected.append(model(ids, labels=torch.tensor([example.labels])).loss.item())
    assert context_gain.losses(given, folder, 64) == pytest.approx(expected, rel=1e-4)


def test_only_rows_with_a_context_have_a_gain(folder):
    given = rows(9)
    found = context_gain.gains(given, WORDING, folder, 64)
    assert [gain is None for gain in found] == [not row["context"] for row in given]
    with pytest.raises(InputError, match="no row has a context"):
        context_gain.summary(given[2:3], found[2:3], 0.0)


def test_a_model_that_has_learned_to_read_gains_from_the_context(folder):
    given = rows(16)
    memorise = job(Path.cwd(), 16, {"epochs": 40, "learning_rate": 1e-2}, eval_every=100)
    write("train.jsonl", given)
    write("dev.jsonl", given)
    run.run(memorise)
    found = context_gain.gains(given, WORDING, Path("models/mtl_0"), 64)
    assert all(gain > 1 for gain in found if gain is not None)
    ((count, mean, kept),) = context_gain.summary(given, found, 1.0).values()
    assert (count, kept) == (11, 11) and mean > 1


def test_the_script_keeps_the_rows_that_gain_enough(folder, monkeypatch, capsys):
    monkeypatch.setattr(templates, "load", lambda name: WORDING)
    settings = {
        "data": {"templates": "any"},
        "template": {"style": "alpaca"},
        "train": {"shared": {"max_length": 64}},
    }
    Path("params.yaml").write_text(yaml.safe_dump(settings))
    write("rows.jsonl", rows(30))
    gains = context_gain.gains(rows(30), WORDING, folder, 64)
    least = sorted(gain for gain in gains if gain is not None)[10]
    monkeypatch.setattr(
        sys, "argv", ["s", "rows.jsonl", "start", "kept.jsonl", "--least", json.dumps(least)]
    )
    stage.main()
    kept = read("kept.jsonl")
    assert [row["id"] for row in kept] == [
        r["id"] for r, g in zip(rows(30), gains, strict=True) if g and g >= least
    ]
    assert (
        kept[0].keys() == {*rows(1)[0], "context_gain"}
        and "toy: 20 rows with a context" in capsys.readouterr().out
    )


def test_a_row_that_lacks_a_column_is_named_before_the_model_is_loaded(folder, monkeypatch):
    monkeypatch.setattr(templates, "load", lambda name: WORDING)
    settings = {"data": {"templates": "any"}, "template": {"style": "alpaca"}}
    Path("params.yaml").write_text(yaml.safe_dump(settings))
    first, second, *_ = rows(3)
    del second["context"]
    write("rows.jsonl", [first, second])
    monkeypatch.setattr(sys, "argv", ["s", "rows.jsonl", "start", "kept.jsonl"])
    with pytest.raises(InputError, match="rows.jsonl, row 2: no column 'context'"):
        stage.main()

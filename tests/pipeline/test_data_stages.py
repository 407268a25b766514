"""The five stages as DVC runs them, on the demo world in a scratch copy of the project's files."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from reset.core import io
from tests.support import chat_models, clones

ROOT = Path.cwd()
SETS = {
    "dolly": (None, 0),
    "oasst1": (60, 0),
    "nq": (None, 20),
    "cnn_dailymail": (50, 20),
    "alpaca": (0, 25),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the sources, the graph, the paper's profile on the demo world, and a tokenizer
    for chat.
    """
    folder = tmp_path_factory.mktemp("project")
    for name in ("src", "stages", "dvc.yaml", "profiles", "prompts"):
        os.symlink(ROOT / name, folder / name)
    params = yaml.safe_load((ROOT / "profiles/paper.yaml").read_text())
    params["data"] |= {"mirror": "toy", "world": WORLD, "dev": 4, "retrieval": "published"}
    params["data"]["datasets"] = {
        name: {"source": "published", "train": train, "eval": evaluation}
        for name, (train, evaluation) in SETS.items()
    }
    write_params(folder, params)
    write_tokenizer(folder / "models/chat/tokenizer.json")
    (folder / "models/chat/config.json").write_text('{"max_position_embeddings": 2048}')
    return folder


WORLD = {
    "seed": 3,
    "context_rows": 70,
    "instruction_rows": 80,
    "evaluation_rows": 25,
    "extra_sentence": 0.7,
    "memorised_answer": 0.5,
    "obedience": 0.4,
}


def write_params(folder, params):
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def write_tokenizer(path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    path.parent.mkdir(parents=True)
    tokenizer.save(str(path))


def stage(folder, script, *arguments, room=resource.RLIM_INFINITY):
    """Run a stage; every file that grows beyond `room` bytes is refused, as on a full disk."""
    command = [sys.executable, f"stages/{script}.py", *arguments]
    environment = os.environ | {"PYTHONPATH": "src"}

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))

    return subprocess.run(
        command, cwd=folder, env=environment, preexec_fn=limit, capture_output=True, text=True
    )


def run(folder, script, *arguments):
    done = stage(folder, script, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def finished(project):
    for name in SETS:
        for script in ("fetch", "filter", "template"):
            run(project, script, name)
    run(project, "evaluation_set")
    for mix in ("context", "instruction", "mtl"):
        run(project, "mix", mix)
    return project


def test_filters_drop_what_the_world_plants_and_say_so(finished):
    dropped = {
        name: json.loads((finished / f"metrics/data/{name}.json").read_text())["dropped"]
        for name in SETS
    }
    assert dropped["dolly"] == {"has a context": 10}
    assert dropped["nq"] == {"gold answer in no passage": 20}
    assert dropped["cnn_dailymail"] == {"empty summary": 20}
    assert dropped["oasst1"]["quality of 0.5 or less"] > 0
    assert "10 has a context" in run(finished, "filter", "dolly")


def test_prompts_have_the_contract_columns_in_both_parts(finished):
    for name in SETS:
        for part in ("train", "eval"):
            for row in io.stream(finished / f"data/prompts/{name}/{part}.jsonl"):
                assert list(row) == [
                    "id",
                    "dataset",
                    "task",
                    "instruction",
                    "question",
                    "context",
                    "references",
                    "prompt",
                    "target",
                ]
                assert row["id"].startswith(f"{name}:")
                assert row["prompt"].endswith("### Response:")
                assert part == "eval" or row["target"] == row["references"][0]


def test_the_style_chat_puts_the_same_rows_into_the_chat_models_template(finished, tmp_path):
    for name in ("src", "stages", "dvc.yaml", "profiles", "prompts"):
        os.symlink(ROOT / name, tmp_path / name)
    params = yaml.safe_load((finished / "params.yaml").read_text())
    write_params(tmp_path, params | {"template": {"style": "chat"}})
    shutil.copytree(finished / "data/filtered/nq", tmp_path / "data/filtered/nq")
    chat_models.save(tmp_path / "models/chat", chat_models.FAMILIES["qwen"])
    run(tmp_path, "template", "nq")
    alpaca = io.by_id(io.read(finished / "data/prompts/nq/train.jsonl"), "alpaca")
    rows = io.read(tmp_path / "data/prompts/nq/train.jsonl")
    assert [row["id"] for row in rows] == list(alpaca)
    for row in rows:
        message = "\n".join([f"{row['instruction']}\n", *row["context"], row["question"]])
        assert row["prompt"].startswith(
            f"<|im_start|>user\n{message}<|im_end|>\n<|im_start|>assistant\n"
        )
        assert row["target"] == alpaca[row["id"]]["target"]


def test_evaluation_rows_are_unseen_capped_and_marked(finished):
    rows = io.read(finished / "data/evaluation.jsonl")
    sizes = {name: sum(row["dataset"] == name for row in rows) for name in SETS}
    assert sizes == {"dolly": 0, "oasst1": 0, "nq": 20, "cnn_dailymail": 20, "alpaca": 25}
    assert {row["dataset"]: row["seen"] for row in rows} == {
        "nq": True,
        "cnn_dailymail": True,
        "alpaca": False,
    }
    counts = json.loads((finished / "metrics/evaluation_set.json").read_text())
    assert counts["alpaca"]["seen_in_training"] > 0


def test_mixes_are_balanced_and_share_no_row_with_dev_or_evaluation(finished):
    evaluation = set(io.by_id(io.stream(finished / "data/evaluation.jsonl"), "evaluation"))
    for mix, groups in (("context", 2), ("instruction", 1), ("mtl", 3)):
        train = io.by_id(io.stream(finished / f"data/mixes/{mix}/train.jsonl"), mix)
        dev = io.by_id(io.stream(finished / f"data/mixes/{mix}/dev.jsonl"), mix)
        assert len(dev) == 4 * groups
        assert not train.keys() & dev.keys() and not train.keys() & evaluation
        sizes = Counter()
        for row in train.values():
            sizes["instruction" if row["task"] == "instruction" else row["dataset"]] += row[
                "copies"
            ]
        assert len(sizes) == groups and len(set(sizes.values())) == 1


def test_the_same_stage_writes_the_same_bytes_again(finished):
    paths = [
        "data/filtered/nq/train.jsonl",
        "data/prompts/nq/train.jsonl",
        "data/mixes/mtl/train.jsonl",
        "data/evaluation.jsonl",
        "metrics/mixes/mtl.json",
    ]
    before = [(finished / path).read_bytes() for path in paths]
    for script, argument in (
        ("fetch", "nq"),
        ("filter", "nq"),
        ("template", "nq"),
        ("evaluation_set", None),
        ("mix", "mtl"),
    ):
        run(finished, script, *([argument] if argument else []))
    assert [(finished / path).read_bytes() for path in paths] == before


def test_an_error_is_one_line_and_ends_the_stage(project):
    done = stage(project, "filter", "wikisum")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_a_disk_that_fills_up_while_fetching_is_one_sentence_and_the_old_rows_stay_whole(finished):
    raw = finished / "data/raw"
    before = {path.name: path.read_bytes() for path in raw.iterdir()}
    done = stage(finished, "fetch", "nq", room=20_000)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith("error: data/raw/nq.jsonl: cannot be written (")
    assert "what was there before is whole" in done.stderr
    assert {path.name: path.read_bytes() for path in raw.iterdir()} == before


@pytest.mark.integration
def test_what_a_full_disk_under_dvc_cost_comes_back_as_the_message_says(tmp_path):
    folder = clones.copy(tmp_path, clones.SMALL | {"data.world.context_rows": 300}, fresh=True)
    clones.dvc(folder, "repro", "filter@nq")
    clones.git(folder, "add", "-A")
    clones.git(folder, "commit", "-qm", "run")
    params = (folder / "params.yaml").read_text()
    python = folder / ".work/bin/python"  # refuses files beyond some 20 kB, as a full disk would
    io.write_text(python, f'#!/bin/sh\nulimit -f 40\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    environment = clones.environment()
    environment["PATH"] = f"{python.parent}{os.pathsep}{environment['PATH']}"
    for stage_, out, change in (
        ("fetch@nq", "data/raw/nq.jsonl", ("extra_sentence: 0.7", "extra_sentence: 0.6")),
        ("filter@nq", "data/filtered/nq", ("passages: 5", "passages: 4")),
    ):
        before = contents(folder / out)
        (folder / "params.yaml").write_text(params.replace(*change))
        command = [sys.executable, "-m", "dvc", "repro", "--single-item", stage_]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode != 0 and not (folder / out).exists(), done.stderr
        advice = (
            f"DVC removed the last results first: dvc checkout {out} brings them back (git those of"
            " metrics/)"
        )
        assert f"error: {out}: cannot be written (File too large); {advice}\n" in done.stderr
        clones.dvc(folder, "checkout", out)
        clones.git(folder, "checkout", "metrics")
        assert contents(folder / out) == before
        (folder / "params.yaml").write_text(params)
    assert "up to date" in clones.dvc(folder, "status", "fetch@nq")


def contents(path):
    """The bytes of a file, or of the files of a folder by their names."""
    return {file.name: file.read_bytes() for file in (path.iterdir() if path.is_dir() else [path])}


def test_fetch_says_where_rows_come_from_and_filter_names_the_mirrors_file(finished):
    count = len(io.read(finished / "data/raw/nq.jsonl"))
    assert json.loads((finished / "metrics/sources/nq.json").read_text()) == {
        "dataset": "nq",
        "rows": count,
        "parts": [{"from": "the demo world", "rows": count}],
    }
    before = (finished / "params.yaml").read_text()
    params = yaml.safe_load(before)
    io.write_text(
        finished / "mirror/wikisum.jsonl",
        '{"article": "a", "summary": "s"}\n\n{"article": "a", "summary": null}\n',
    )
    params["data"]["mirror"] = "mirror"
    params["data"]["datasets"]["wikisum"] = {"source": "published", "train": 0, "eval": 5}
    write_params(finished, params)
    assert "2 rows from mirror/wikisum.jsonl" in run(finished, "fetch", "wikisum")
    done = stage(finished, "filter", "wikisum")
    (finished / "params.yaml").write_text(before)
    assert (
        done.stderr == "error: mirror/wikisum.jsonl:3: field 'summary' is null; str is expected\n"
    )


def test_the_example_of_own_data_runs_as_written(finished):
    text = (ROOT / "docs/own-data.md").read_text()
    row, entry = (
        re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL).group(1) for kind in ("json", "yaml")
    )
    example = json.loads(row)
    texts = {number: f"{example['text']} Page {number}." for number in range(1, 11)}
    rows = [example | {"nr": number, "text": text} for number, text in texts.items()]
    io.write(finished / "manuals.jsonl", rows)
    params = yaml.safe_load((finished / "params.yaml").read_text())
    params["data"]["datasets"] |= yaml.safe_load(entry)
    write_params(finished, params)
    for script in ("fetch", "filter", "template"):
        run(finished, script, "manuals")
    train = io.read(finished / "data/prompts/manuals/train.jsonl")
    assert (len(train), len(io.read(finished / "data/prompts/manuals/eval.jsonl"))) == (8, 2)
    assert train[0]["target"] == example["gold"]
    assert re.search(rf"{example['text']} Page \d+\.\n{example['ask'][:-1]}", train[0]["prompt"])
    assert len((row + entry).splitlines()) + 2 <= 15

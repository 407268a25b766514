"""`make publish`: the real client of the hub against a stand-in, which must receive what models/
holds.
"""

import json
import shutil
import subprocess

import datasets
import huggingface_hub
import pytest
from huggingface_hub import DatasetCard, ModelCard

from reset.core import io
from reset.core.errors import InputError
from reset.data.prompts import templates
from reset.evaluation import csv_table, metrics
from reset.report import numbers
from reset.tokens import chat_template, layout_template
from reset.tokens.encoding import encode_prompts
from reset.tools.publish import data_set, lockfile, model_card
from reset.tools.publish import hub as publishing
from tests.support import clones, tiny_llama
from tests.support.fault_server import FaultServer
from tests.support.model_hub import TOKEN, ModelHub

COMMAND, DATA_COMMAND = clones.documented("Models: versions, and the hub")[2:4]


def lock(**changed):
    """A small dvc.lock: chat -> mtl_1 -> its metrics. `changed` replaces the hash of a path that a
    stage read.
    """

    def entry(path, md5):
        return {"path": path, "md5": md5}

    def dep(path, md5):
        return entry(path, changed.get(path.rpartition("/")[2], md5))

    source = {"models.chat": {"source": "hub", "id": "lmsys/vicuna-7b-v1.3", "revision": "abc"}}
    source |= {"template.style": "alpaca", "data.templates": "demo"}
    fetched = {"data.datasets.nq.source": "published", "data.mirror": None}
    return lockfile.Lock(
        {
            "models@chat": {
                "params": {"params.yaml": source},
                "outs": [entry("models/chat", "1.dir")],
            },
            "fetch@nq": {
                "params": {"params.yaml": fetched},
                "outs": [entry("data/raw/nq.jsonl", "6")],
            },
            "template@nq": {
                "deps": [dep("data/raw/nq.jsonl", "6")],
                "outs": [entry("data/prompts/nq", "7.dir")],
            },
            "mix@mtl": {
                "deps": [dep("data/prompts", "8.dir")],
                "outs": [entry("data/mixes/mtl", "2.dir")],
            },
            "mtl@1": {
                "deps": [dep("data/mixes/mtl", "2.dir"), dep("models/chat", "1.dir")],
                "outs": [entry("models/mtl_1", "3.dir")],
            },
            "predict@mtl-1": {
                "deps": [dep("models/mtl_1", "3.dir")],
                "outs": [entry("data/predictions/mtl_1.jsonl", "4")],
            },
            "evaluate": {
                "deps": [dep("data/predictions", "9.dir")],
                "outs": [entry("metrics/runs", "5.dir")],
            },
        }
    )


def test_the_lock_says_where_a_model_began():
    folder, source = lock().origin("models/mtl_1")
    assert (folder, source["id"]) == ("models/chat", "lmsys/vicuna-7b-v1.3")
    assert lock().md5("models/mtl_1") == "3.dir"
    with pytest.raises(InputError, match="no stage wrote models/mtl_2"):
        lock().md5("models/mtl_2")


def test_metrics_of_another_model_than_the_present_one_are_found():
    lock().check("metrics/runs")
    with pytest.raises(InputError, match="predict@mtl-1 read another models/mtl_1"):
        lock(mtl_1="9.dir").check("metrics/runs")
    with pytest.raises(InputError, match="mtl@1 read another models/chat"):
        lock(chat="9.dir").check("metrics/runs")
    with pytest.raises(InputError, match="template@nq read another data/raw/nq.jsonl"):
        lock(**{"nq.jsonl": "9"}).check("data/predictions/mtl_1.jsonl")


def test_upstream_goes_through_folders_that_several_stages_fill():
    stages = {name for name, _ in lock().upstream("metrics/runs")}
    assert stages == {"evaluate", "predict@mtl-1", "mtl@1", "mix@mtl", "template@nq"}


@pytest.mark.parametrize("licence", ["llama2", None], ids=["licence known", "licence not known"])
def test_a_card_names_base_model_and_licence_as_far_as_known(tmp_path, monkeypatch, licence):
    monkeypatch.chdir(tmp_path)
    io.write_text(
        "models/chat/README.md",
        f"---\nlicense: {licence}\n---\n" if licence else "no head at all\n",
    )
    io.write_text(
        "models/mtl_1/README.md", "---\nlibrary_name: transformers\n---\n# mtl_1\n\nA run.\n"
    )
    values = ("mtl", 1, "nq", True, "task", 0.5, 8, "exact_match")
    csv_table.write(
        "metrics/runs/mtl_1.csv", metrics.COLUMNS, [dict(zip(metrics.COLUMNS, values, strict=True))]
    )
    io.write_json("metrics/mixes/mtl.json", {"nq": {"trained": 9}, "dolly": {"trained": 0}})
    shutil.copytree(clones.ROOT / "prompts", tmp_path / "prompts")
    made = ModelCard(model_card.card("mtl_1", "owner/name", lock(), "0123abc"))
    assert (made.data.license, made.data.base_model) == (licence, "lmsys/vicuna-7b-v1.3")
    assert made.data.datasets == ["mrqa-workshop/mrqa"]
    (result,) = made.data.eval_results
    assert (result.dataset_type, result.dataset_name) == ("mrqa-workshop/mrqa", "nq")
    assert (result.metric_type, result.metric_value) == ("exact_match", 0.5)
    assert "# mtl_1\n\nA run.\n\n## Use\n\nTrained in the Alpaca layout" in made.content
    assert (
        "models/chat (hub lmsys/vicuna-7b-v1.3 abc)" in made.content and "`0123abc`" in made.content
    )
    assert (
        "llama2, by the card of models/chat" if licence else "not known here: ask models/chat's"
    ) in made.content
    assert "| nq | yes | Task | exact_match | 0.50 | 8 |" in made.content


@pytest.fixture
def hub():
    api = ModelHub()
    with FaultServer(routes=api.routes()) as server:
        api.endpoint = server.url.removesuffix("/v1")
        yield api


@pytest.mark.parametrize("style", ["alpaca", "chat"])
def test_the_usage_snippet_prompts_as_the_model_was_trained(tmp_path, style):
    folder = tiny_llama.save(tmp_path / "model")
    layouts = clones.ROOT / "prompts/demo"
    if style == "alpaca":
        layout_template.write(folder, *layout_template.read(layouts))
        layout = templates.load("demo", layouts.parent)
    else:
        template = "{% for m in messages %}<s> {{ m['content'] }} :{% endfor %}"
        config = json.loads((folder / "tokenizer_config.json").read_text())
        io.write_json(folder / "tokenizer_config.json", config | {"chat_template": template})
        layout = templates.load("demo", layouts.parent).chat(chat_template.renderer(folder))
    settings = {"template.style": style, "data.templates": "demo"}
    text = model_card.usage(str(folder), settings)
    found = run_snippet(text)
    row = {"task": "abstractive_qa", "instruction": "", "question": found["question"]}
    prompt = layout.render(row | {"context": found["passages"]})
    tokenizer = found["tokenizer"]
    shown = tokenizer.apply_chat_template(
        found["messages"], add_generation_prompt=True, tokenize=False
    )
    assert shown.removeprefix("<s>").strip() == prompt.removeprefix("<s>").strip()
    assert found["inputs"]["input_ids"][0].tolist() == encode_prompts([prompt], tokenizer)[0]


def run_snippet(text):
    """What the Python code of a card leaves in its namespace."""
    code = text.split("```python\n")[1].split("```")[0]
    namespace: dict = {}
    exec(compile(code, "card", "exec"), namespace)
    return namespace


def publish(folder, hub, model="reset_1", repo="owner/name", token=TOKEN, command=COMMAND):
    """The documented command with these values; the environment of the tests stands for that of
    `make setup`.
    """
    environment = clones.environment() | {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(folder / ".work/hub"),
        "HF_TOKEN": token,
    }
    command = (
        command.replace("=reset_31", f"={model}").replace("REPO=owner/name", f"REPO={repo}").split()
    )
    command = [*command[:1], "-s", "-o", "setup", *command[1:]]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.integration
def test_the_hub_receives_the_models_bytes_and_a_card_with_its_origin(finished, hub, monkeypatch):
    world = finished
    done = publish(world, hub)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{hub.endpoint}/owner/name"
    received = hub.files["owner/name"]
    kept = {path.name: path.read_bytes() for path in (world / "models/reset_1").iterdir()}
    assert {name for name in kept} == set(received) and len(hub.commits) == 1
    assert [name for name in kept if received[name] != kept[name]] == ["README.md"]
    card = ModelCard(received["README.md"].decode())
    assert (card.data.license, card.data.library_name) == ("apache-2.0", "transformers")
    assert kept["README.md"].decode().split("---\n")[2].rstrip() in card.content
    assert card.data.eval_results and card.data.datasets is None  # the demo world's rows
    assert "ms_marco" in card.content
    revision = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=world, text=True).strip()
    monkeypatch.chdir(world)
    assert revision in card.content and lockfile.load().md5("models/reset_1") in card.content
    scored = [
        row for row in metrics.read("metrics/runs/reset_1.csv") if row["metric"] == "faithfulness"
    ]
    assert len(scored) == 4  # the context-dependent sets of the smaller world
    for row in scored:
        cells = [row["dataset"], "yes" if row["seen"] else "no", "Faithfulness", row["measure"]]
        cells += [numbers.show("faithfulness", row["value"]), str(row["n"])]
        assert f"| {' | '.join(cells)} |" in card.content


@pytest.mark.integration
def test_the_hub_receives_candidates_and_winners_as_a_data_set(finished, hub, tmp_path):
    world = finished
    done = publish(world, hub, command=DATA_COMMAND)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{hub.endpoint}/datasets/owner/name"
    for name, content in hub.files["owner/name"].items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    cache = str(tmp_path / "cache")
    rows = datasets.load_dataset(str(tmp_path), "candidates", split="train", cache_dir=cache)
    assert plain(rows) == io.read(world / "data/candidates/reset_1.jsonl")
    for split in ("train", "dev"):
        rows = datasets.load_dataset(str(tmp_path), "winners", split=split, cache_dir=cache)
        assert plain(rows) == io.read(world / f"data/ranked/reset_1/{split}.jsonl")
    card = DatasetCard((tmp_path / "README.md").read_text())
    assert {config["config_name"] for config in card.data.configs} == {"candidates", "winners"}
    assert "dolly" in card.content


def plain(rows):
    return [dict(row) for row in rows]


@pytest.mark.integration
def test_a_second_time_replaces_the_files(finished, hub):
    assert [publish(finished, hub, model).returncode for model in ("mtl_1", "reset_1")] == [0, 0]
    weights = (finished / "models/reset_1/model.safetensors").read_bytes()
    assert hub.files["owner/name"]["model.safetensors"] == weights and len(hub.commits) == 2


@pytest.mark.integration
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": ""}, "which model, and where to"),
        (
            {"model": "nothing_1"},
            "models/nothing_1: no such folder; `dvc pull models/nothing_1` brings it",
        ),
        ({"model": "stage2_1"}, "models/stage2_1: not evaluated, so its card would have no scores"),
        ({"token": ""}, "no token for the hub: set HF_TOKEN"),
        ({"token": "hf_of_somebody_else"}, "owner/name: the hub did not take reset_1"),
        ({"repo": "a/b/c"}, "a/b/c: the hub did not take reset_1 (HFValidationError"),
    ],
    ids=["no name", "no folder", "not evaluated", "no token", "wrong token", "wrong repository"],
)
def test_what_cannot_be_published_is_refused_in_one_sentence(finished, hub, given, said):
    refused(publish(finished, hub, **given), hub, said)


@pytest.mark.integration
def test_a_tree_with_changes_or_a_changed_model_is_refused(world, hub):
    (world / "prompts/notes.txt").write_text("not committed")
    (world / "notes.txt").write_text("beside the code")
    try:
        refused(publish(world, hub), hub, "prompts/notes.txt: not committed; commit first")
    finally:
        (world / "prompts/notes.txt").unlink()
    model = world / "models/reset_1/config.json"
    kept = model.read_bytes()
    model.unlink()  # it may be a link into the cache
    model.write_bytes(kept + b" ")
    refused(publish(world, hub), hub, "models/reset_1: not what dvc.lock recorded")
    clones.dvc(world, "checkout", "-q", "--force", "models/reset_1")


def test_the_hubs_own_reason_is_told_whatever_line_it_stands_in(monkeypatch):
    """An expired token, a full private quota: the client's first line is the number of the call."""

    def refuse(*_, **__):
        raise RuntimeError("401 (Request ID: 1)\nFor more information\n\nToken is expired")

    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", refuse)
    with pytest.raises(
        InputError, match="o/n: the hub did not take m .*Request.* Token is expired"
    ):
        publishing.upload({}, "o/n", "model", TOKEN, "m of revision 1")


def test_files_below_a_model_folder_are_published_under_their_path(tmp_path):
    io.write_text(tmp_path / "config.json", "{}")
    io.write_text(tmp_path / "additional_chat_templates/tool_use.jinja", "x")
    expected = ["additional_chat_templates/tool_use.jinja", "config.json"]
    assert list(publishing.files_of(tmp_path)) == expected


def test_a_folder_that_git_does_not_read_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="git status --porcelain .*: fatal: not a git repository"):
        publishing.clean_revision()


def refused(done, hub, said):
    assert done.returncode != 0 and not any(hub.files.values())
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(lines) == 1 and lines[0].startswith("error: ") and said in lines[0]


def test_a_winners_column_that_a_later_row_has_first_is_published(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    io.write("data/candidates/reset_0.jsonl", [{"id": "a"}])
    io.write("data/ranked/reset_0/train.jsonl", [{"id": "a"}, {"id": "b", "s_constraints": 1.0}])
    io.write("data/ranked/reset_0/dev.jsonl", [{"id": "c"}])
    winners = data_set.arrow_tables("reset_0")["winners/train.parquet"]
    assert winners.to_pylist() == [
        {"id": "a", "s_constraints": None},
        {"id": "b", "s_constraints": 1.0},
    ]

"""The stage `models` against a stand-in of the hub: what is taken, what is left, and one sentence
where it fails.
"""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.chat_models import FAMILIES, save
from tests.support.hub_server import COMMIT, Hub

ROOT = Path.cwd()
THINKING = (
    "{% for turn in messages %}<|im_start|>{{ turn.role }}\n{{ turn.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A repository as they are on the hub: beside what is needed, pickles, programs and the weights
    once more.
    """
    folder = save(tmp_path_factory.mktemp("published"), FAMILIES["gemma"])
    for name in (
        "pytorch_model.bin",
        "consolidated.safetensors",
        "modeling_odd.py",
        "training_args.pt",
    ):
        (folder / name).write_text("nothing that should be taken")
    return folder


def stage(
    folder: Path,
    url: str,
    id: str = "owner/odd",
    revision: str = "main",
    style: str = "alpaca",
    **environment: str,
):
    """`python stages/models.py chat` in `folder`, with models.chat from the hub at `url`."""
    for name in ("src", "stages", "dvc.yaml", "profiles", "prompts"):
        os.symlink(ROOT / name, folder / name)
    params = yaml.safe_load(Path("profiles/paper.yaml").read_text())
    params["models"]["chat"] = {"source": "hub", "id": id, "revision": revision}
    params["template"]["style"] = style
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    home = {"HF_ENDPOINT": url, "HF_HOME": str(folder / "home"), "PYTHONPATH": "src"}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HF_", "TRANSFORMERS_"))
    }
    command = [sys.executable, "stages/models.py", "chat"]
    return subprocess.run(
        command, cwd=folder, env=kept | home | environment, capture_output=True, text=True
    )


def test_a_chat_template_that_opens_a_thought_is_refused_where_it_is_used(tmp_path):
    opening = dataclasses.replace(FAMILIES["qwen"], template=THINKING)
    published = save(tmp_path / "published", opening)
    with Hub("owner/odd", published) as hub:
        for style, code in (("chat", 1), ("alpaca", 0)):
            folder = tmp_path / style
            folder.mkdir()
            done = stage(folder, hub.url, style=style)
            assert done.returncode == code, done.stderr
            assert ("the chat template opens <think>" in done.stderr) == (style == "chat")


def test_a_model_comes_whole_and_without_pickles_or_programs(published, tmp_path):
    with Hub("owner/odd", published) as hub:
        done = stage(tmp_path, hub.url, revision=COMMIT)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "models/chat").iterdir()) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert not [
        path
        for path in hub.asked
        if path.endswith((".bin", ".pt", ".py", "consolidated.safetensors"))
    ]


@pytest.mark.parametrize(
    ("changes", "gated", "message"),
    [
        ({}, True, "'owner/odd' is gated: accept its terms at {url}/owner/odd, and set HF_TOKEN"),
        ({"HF_TOKEN": "mine"}, True, "'owner/odd' is gated: accept its terms at {url}/owner/odd"),
        (
            {"id": "owner/none"},
            False,
            "'owner/none' is not on the hub, or is private: correct the id, or set HF_TOKEN",
        ),
        (
            {"revision": "v9"},
            False,
            "'owner/odd' has no revision 'v9' on the hub; pin one of its commits",
        ),
        ({"revision": "f" * 40}, False, "'owner/odd' has no revision 'fff"),
        (
            {"HF_TOKEN": "expired"},
            False,
            "the hub refuses HF_TOKEN, with which 'owner/odd' was asked for",
        ),
        (
            {"HF_HUB_OFFLINE": "1"},
            False,
            "not in the local cache, and the hub is not asked because HF_HUB_OFFLINE",
        ),
        (
            {"id": "owner/odd/more"},
            False,
            "'owner/odd/more' at revision 'main' is not available from the hub (HFValidat",
        ),
    ],
)
def test_a_model_that_the_hub_does_not_give_is_one_sentence(
    published, tmp_path, changes, gated, message
):
    with Hub("owner/odd", published, gated) as hub:
        done = stage(tmp_path, hub.url, **changes)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: params.yaml: models.chat: ")
    assert message.format(url=hub.url) in done.stderr and "Traceback" not in done.stderr
    assert not list((tmp_path / "models").glob("*"))


def test_a_hub_that_is_not_there_is_one_sentence(tmp_path):
    with Hub("owner/odd", tmp_path) as hub:
        pass
    done = stage(tmp_path, hub.url)
    assert done.returncode == 1
    assert f"the hub at {hub.url} gives no answer" in done.stderr.splitlines()[-1]

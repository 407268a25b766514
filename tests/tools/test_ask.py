"""ask and serve: a question is prompted as training rows were, and the answer comes in pieces."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from reset.core.errors import InputError
from reset.data.prompts import templates
from reset.tools import ask
from tests.support.chat_models import FAMILIES, save

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with the project's prompts and params, and one small random model."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "prompts", "prompts")
    shutil.copy(ROOT / "profiles/smollm.yaml", "params.yaml")
    save(tmp_path / "models/reset_0", FAMILIES["llama"])
    return tmp_path


def script(name, *words, **how):
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, str(ROOT / f"scripts/{name}.py"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, **how)


def test_the_prompt_is_that_of_a_training_row(project):
    model = ask.Model(Path("models/reset_0"))
    layout = templates.load("paper")
    row = {
        "task": "extractive_qa", "instruction": "", "question": "Who?", "context": ["Ada.", "Bo."],
    }  # fmt: skip
    assert model.prompt("Who?", ["Ada.", "Bo."], "extractive_qa") == layout.render(row)
    request = row | {"task": "instruction", "instruction": "Hi", "question": "", "context": []}
    assert model.prompt("Hi", [], "extractive_qa") == layout.render(request)
    assert "".join(model.answer(model.prompt("Hi", [], "extractive_qa")))


@pytest.mark.integration
def test_questions_are_read_line_by_line_until_an_empty_one(project):
    Path("notes.txt").write_text("Ada was born\nin London.\n\nIt rained.\n", encoding="utf-8-sig")
    assert ask.passages_of(Path("notes.txt")) == ["Ada was born in London.", "It rained."]
    done = script("ask", "reset_0", "--passages", "notes.txt", input="Where?\nWhen?\n\nnot asked\n")
    assert done.returncode == 0, done.stderr
    one = script("ask", "reset_0", "Where?", "--passages", "notes.txt")
    assert done.stdout.startswith(one.stdout) and len(done.stdout) > len(one.stdout)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "models/nothing: no such model; here are reset_0"),
        (["reset_0", "--passages", "none.txt"], "none.txt: cannot be read"),
        (["reset_0", "--task", "poem"], "expected one of extractive_qa"),
    ],
)
@pytest.mark.integration
def test_what_is_wrong_is_one_line(project, words, message):
    done = script("ask", *words, input="")
    assert done.returncode == 1 and message in done.stderr and len(done.stderr.splitlines()) == 1


def test_an_empty_file_of_passages_is_an_error(tmp_path):
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(InputError, match="holds no passage"):
        ask.passages_of(tmp_path / "empty.txt")


@pytest.mark.integration
def test_a_served_model_answers_an_openai_client(project):
    from openai import OpenAI

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, str(ROOT / "scripts/serve.py"), "reset_0", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert f"http://127.0.0.1:{port}/v1" in server.stdout.readline()
        _wait(f"http://127.0.0.1:{port}/health", server)
        client = OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0)
        reply = client.chat.completions.create(
            model=str((project / "models/reset_0").resolve()),
            messages=[{"role": "user", "content": "Hi"}],
            max_tokens=4,
        )
        assert reply.choices[0].message.content is not None
    finally:
        server.kill()
        server.wait()


def _wait(address: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2) as reply:
                json.loads(reply.read())
                return
        except OSError:
            time.sleep(1)
    raise AssertionError(f"no server at {address}")

"""ask and serve: a question is prompted as training rows were, and the answer comes in pieces."""

import io
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
from reset.generation import engines
from reset.generation.decoding import Request, greedy_draws
from reset.tools import ask
from scripts import ask as command
from scripts import serve
from tests.support import warm
from tests.support.chat_models import FAMILIES, save
from tests.support.random_model import SETTINGS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with the project's prompts and params, and one small random model."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "prompts", "prompts")
    shutil.copy(ROOT / "profiles/smollm.yaml", "params.yaml")
    save(tmp_path / "models/reset_0", FAMILIES["llama"])
    return tmp_path


def script(name, *words, python=sys.executable, **how):
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [python, str(ROOT / f"scripts/{name}.py"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, **how)


def test_the_prompt_is_that_of_a_training_row(project, capsys):
    model = ask.Model(Path("models/reset_0"))
    layout = templates.load("paper")
    row = {
        "task": "extractive_qa", "instruction": "", "question": "Who?", "context": ["Ada.", "Bo."],
    }  # fmt: skip
    assert model.prompt("Who?", ["Ada.", "Bo."], "extractive_qa") == layout.render(row)
    request = row | {"task": "instruction", "instruction": "Hi", "question": "", "context": []}
    assert model.prompt("Hi", [], "extractive_qa") == layout.render(request)
    model.answer(model.prompt("Hi", [], "extractive_qa"))
    assert len(capsys.readouterr().out) > 1


def test_the_answer_is_that_of_the_pipeline(project, capsys):
    folder = Path("models/reset_0")
    model = ask.Model(folder)
    prompt = model.prompt("Who?", ["Ada."], "abstractive_qa")
    engine = engines.load(folder, SETTINGS, model.encoding.max_new_tokens)
    (((_, (answer,)),),) = engine.run([[Request("a", prompt, greedy_draws())]])
    model.answer(prompt)
    assert capsys.readouterr().out == f"{answer.text}\n"


def test_passages_beyond_the_window_are_refused(project):
    model = ask.Model(Path("models/reset_0"))
    with pytest.raises(InputError, match=r"\d{4} tokens.* window of 2048; give fewer or shorter"):
        model.answer(model.prompt("Who?", ["Ada. " * 400], "abstractive_qa"))


@pytest.mark.parametrize(
    ("profile", "task"),
    [("laptop", "extractive_qa"), ("one_gpu", "abstractive_qa"), ("paper", "abstractive_qa")],
)
def test_questions_are_put_as_a_task_that_was_trained(tmp_path, monkeypatch, profile, task):
    shutil.copy(ROOT / f"profiles/{profile}.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    assert ask.task_of(None) == task and ask.task_of("summarization") == "summarization"


@pytest.fixture
def asked(monkeypatch):
    """Run the command with words and lines of standard input; the questions that it asks."""
    monkeypatch.setattr(ask.Model, "__init__", lambda self, folder: None)
    monkeypatch.setattr(ask.Model, "prompt", lambda self, question, passages, task: question)

    def run(*words, lines=b""):
        found = []
        monkeypatch.setattr(ask.Model, "answer", lambda self, prompt: found.append(prompt))
        monkeypatch.setattr(sys, "argv", ["ask", "reset_0", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines), "utf-8"))
        command.main()
        return found

    return run


def test_a_summary_needs_no_question(project, asked):
    Path("notes.txt").write_text("Ada.")
    assert asked("--passages", "notes.txt", "--task", "summarization") == [""]
    assert asked("--passages", "notes.txt", lines=b"Who?\n\n") == ["Who?"]
    assert asked("--passages", "notes.txt", "Who?") == ["Who?"]
    assert asked("--task", "summarization", lines=b"Hi\n") == ["Hi"]


def test_questions_may_begin_with_a_byte_order_mark_and_must_be_text(project, asked):
    assert asked(lines=b"\xef\xbb\xbfWho?\r\nWh\xc3\xa4n?\n") == ["Who?", "Wh\xe4n?"]
    with pytest.raises(InputError, match="standard input: not text in utf-8 .*0xe4"):
        asked(lines=b"Wh\xe4n?\n")


def test_an_interrupt_ends_it_without_a_traceback(project, asked, monkeypatch):
    monkeypatch.setattr(command, "questions", interrupted)
    with pytest.raises(SystemExit) as ended:
        asked()
    assert ended.value.code == 130


def interrupted():
    raise KeyboardInterrupt
    yield


def test_lines_of_spaces_part_passages_too(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"Ada.\r\n \r\nBo\r\nwas.\n\t\n\nCy.\n \n")
    assert ask.passages_of(tmp_path / "notes.txt") == ["Ada.", "Bo was.", "Cy."]


@pytest.mark.integration
def test_questions_are_read_line_by_line_until_an_empty_one(project):
    Path("notes.txt").write_text("Ada was born\nin London.\n\nIt rained.\n", encoding="utf-8-sig")
    assert ask.passages_of(Path("notes.txt")) == ["Ada was born in London.", "It rained."]
    done = script("ask", "reset_0", "--passages", "notes.txt", input="Where?\nWhen?\n\nnot asked\n")
    assert done.returncode == 0, done.stderr
    once_more = {"python": str(warm.start() / "fork")}
    one = script("ask", "reset_0", "Where?", "--passages", "notes.txt", **once_more)
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


def test_vllm_serves_a_model_as_it_was_evaluated(project, monkeypatch):
    run = []
    monkeypatch.setattr(serve.shutil, "which", lambda name, path: f"/bin/{name}")
    monkeypatch.setattr(serve.os, "execvp", lambda program, words: run.extend(words))
    monkeypatch.setattr(sys, "argv", ["serve", "reset_0"])
    serve.main()
    assert run[:3] == ["/bin/vllm", "serve", "models/reset_0"]
    off = json.loads(run[run.index("--override-generation-config") + 1])
    assert off == {"temperature": 0.0}
    assert json.loads(run[run.index("--default-chat-template-kwargs") + 1]) == {
        "enable_thinking": False
    }


@pytest.mark.timeout(120)
def test_a_failure_while_answering_ends_it(project, monkeypatch):
    model = ask.Model(Path("models/reset_0"))

    def fail(**_):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(model.model, "generate", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        model.answer(model.prompt("Who?", ["Ada."], "abstractive_qa"))


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

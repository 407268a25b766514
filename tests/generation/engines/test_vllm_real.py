"""The engines over vLLM against vLLM itself: its CPU build, in process and as a server."""

import os
import random
import signal
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from reset.core.io import read
from reset.generation import generate
from tests.support.random_model import SETTINGS, requests, save_model
from tests.support.real_parts import VLLM_ENV
from tests.support.vllm_run import MIXED

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]
MODEL = Path("models/mtl_0")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a tiny model whose tokenizer is like Llama's: a BOS before and an EOS behind
    each text, and a space at a word's front that is dropped at a text's.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    monkeypatch.chdir(tmp_path)
    save_model(MODEL, head_dim=32, hidden_size=128)
    words = ["<pad>", "<s>", "</s>", "<unk>", *(f"▁w{i}" for i in range(44))]
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    ends = [("<s>", 1), ("</s>", 2)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=ends
    )
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(MODEL)
    return tmp_path


def start(python, count):
    environment = {**os.environ, **VLLM_ENV, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    command = [python, "-m", "tests.support.vllm_run", str(MODEL), str(count), "vllm.jsonl"]
    with open("vllm.log", "w") as log:
        return subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )


def answered(process):
    assert process.wait(400) == 0, Path("vllm.log").read_text()[-3000:]
    return read("vllm.jsonl")


def gone(group):
    """Whether no process of the group is left, a moment later at most."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def lines():
    return sum(shard.read_bytes().count(b"\n") for shard in generate.WORK.glob("*/*.jsonl"))


def greedy(rows):
    return [row for row in rows if row["sample"] == 0]


def test_a_kill_loses_no_answer_of_vllm_and_leaves_no_process(vllm_python, place, monkeypatch):
    """One kill, for vLLM takes long to start; tests/generation/test_generate.py has five."""
    count, more = 300, random.Random(0).randint(1, 60)
    process = start(vllm_python, count)
    while process.poll() is None and lines() < more:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL, Path("vllm.log").read_text()[-3000:]
    assert gone(process.pid)  # nobody is left to hold the device's memory
    assert more <= lines() < count
    kept = {
        id: found
        for folder in generate.WORK.iterdir()
        for id, found in generate.finished(folder).items()
    }
    rows = answered(start(vllm_python, count))
    assert lines() == count  # each prompt once over all shards
    asked = requests(count, MIXED)
    assert [(row["id"], row["sample"]) for row in rows] == [
        (r.id, i) for r in asked for i in range(3)
    ]
    for row in rows:
        if row["id"] in kept:
            assert [row["text"], row["tokens"], row["finish"]] == kept[row["id"]][row["sample"]]
    monkeypatch.setattr(generate, "WORK", place / "again")
    assert greedy(rows) == greedy(
        generate.generate(MODEL, asked, replace(SETTINGS, batch_tokens=10**5), 12)
    )


def test_servers_answer_like_an_engine_in_process(vllm_python, place):
    """Two base URLs of one server, as `configs/launch/vllm_servers.sh` starts it: prompts go to
    both, and the greedy answers are those of the engine `transformers` to the letter, as those of
    the engine `vllm` are in the test above.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = f"{Path(vllm_python).parent}:{os.environ['PATH']}"
    environment = {**os.environ, **VLLM_ENV, "PATH": path}
    command = ["bash", ROOT / "configs/launch/vllm_servers.sh", MODEL, str(port)]
    command += ["--dtype", "float32", "--enforce-eager"]
    with open("server.log", "w") as log:
        servers = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert servers.stdout.readline().endswith(f":{port}/v1\n"), Path("server.log").read_text()[
            -3000:
        ]
        urls = [f"http://{host}:{port}/v1" for host in ("127.0.0.1", "localhost")]
        options = {
            "base_urls": urls,
            "api_key_env": "NONE",
            "concurrency": 4,
            "request_seeds": False,
        }
        settings = replace(
            SETTINGS, engine="openai", openai=options | {"timeout": 300.0, "retries": 0}
        )
        asked = requests(40, MIXED)
        served = generate.generate(MODEL, asked, settings, 12)
    finally:
        servers.terminate()
        assert servers.wait(60) != 0
    expected = generate.generate(MODEL, asked, SETTINGS, 12)
    assert greedy(served) == greedy(expected)
    assert all(row["text"] and not row["text"].startswith(" ") for row in served)
    assert {row["finish"] for row in served} == {"eos", "length"}
    assert len({row["text"] for row in served}) > 50  # and samples differ

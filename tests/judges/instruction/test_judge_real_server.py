"""The judging stage against a real server: vLLM's CPU build with SmolLM2-135M-Instruct, on
loopback.
"""

import collections
import random
import signal

import aiohttp
import pytest
from aiohttp import web

from reset.core import io
from reset.judges.instruction.reply_store import PLACE, Store
from tests.judges.instruction.test_judge_instruction_stage import (
    OUT,
    configure,
    fill,
    prepare,
    run,
    start,
    until,
)
from tests.support.fault_server import FaultServer
from tests.support.real_parts import SERVED

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(1800),
]  # the first test installs and starts the server
FORM = {
    "structured_outputs": {"regex": r"[A-Z][^\n]{20,120}[.]\nRating: (10|[1-9])"}
}  # 135M parameters need the help


class Counting(FaultServer):
    """Passes every request on to a real server, and counts by prompt what it was asked."""

    def __init__(self, upstream):
        super().__init__()
        self.upstream = upstream

    async def _chat(self, request):
        body = await request.json()
        self.asked[body["messages"][-1]["content"]] += 1
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.upstream}/chat/completions", json=body) as reply,
        ):
            return web.Response(
                body=await reply.read(), status=reply.status, content_type="application/json"
            )


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    prepare(tmp_path, monkeypatch)


def test_two_kills_at_random_lose_no_reply_of_a_real_server_and_pay_none_twice(
    vllm_server, workspace
):
    fill(8, 4)
    chance = random.Random(1)
    with Counting(vllm_server) as counting:
        configure(
            counting.url, model=SERVED, max_tokens=96, timeout=300.0, concurrency=8, extra_body=FORM
        )
        for number in (1, 2):
            stage = start()
            until(
                lambda number=number: (
                    sum(counting.asked.values()) >= 8 * number + chance.randrange(5)
                ),
                seconds=400,
            )
            stage.kill()
            assert stage.wait() == -signal.SIGKILL
        run(seconds=600)
    assert len(counting.asked) == 32
    assert collections.Counter(counting.asked.values()) == {1: 32}
    with Store(PLACE) as store:
        usage = store.usage()
    assert (usage["calls"], usage["lost_calls"]) == (32, 0)
    assert usage["completion_tokens"] > 32 * 5
    rows = io.read(OUT)
    assert len(rows) == 32 and all(0.1 <= row["score"] <= 1.0 for row in rows)


def test_an_unknown_model_stops_the_stage_with_the_servers_own_words(vllm_server, workspace):
    fill(2, 1)
    with Counting(vllm_server) as counting:
        configure(counting.url, model="no-such-model")
        errors = run(code=1)
    assert "the model or the address is unknown there (HTTP 404" in errors

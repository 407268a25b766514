"""An OpenAI-compatible endpoint on loopback that counts what it is asked and fails as it is told
to.

Used in tests as a context manager (a thread), and by the benchmark as a program of its own.
"""

import argparse
import asyncio
import contextlib
import json
import socket
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from reset.judges.instruction import settings

# what a judge at such a server may be set to; with `base_url` and what else differs replaced
ENDPOINT = settings.OpenAISettings(
    base_url="http://127.0.0.1:1/v1",
    model="judge-2026-01-01",
    api_key_env="OPENAI_API_KEY",
    concurrency=8,
    requests_per_minute=None,
    tokens_per_minute=None,
    price_per_million_input=1.0,
    price_per_million_output=2.0,
    budget_usd=1.0,
    timeout=5.0,
    retries=3,
    parse_retries=2,
    repeats=1,
    token_limit_field="max_tokens",
    max_tokens=512,
    temperature=0.0,
    batch_api=False,
    extra_body=None,
    pool_models={},
)


def free_port() -> int:
    """A port of the loopback that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


GOOD = "It answers what was asked.\nRating: 7"


@dataclass(frozen=True)
class Reply:
    """How one request is treated. `status` other than 200 sends `error` as OpenAI does; `body`
    replaces the JSON.
    """

    text: str | None = GOOD
    finish: str = "stop"
    status: int = 200
    error: dict[str, str] = field(
        default_factory=lambda: {"message": "told to fail", "type": "test"}
    )
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    wait: float = 0.0  # seconds before anything is sent
    half: bool = False  # declare the whole length, send half, drop the connection
    drip: float = 0.0  # seconds between single bytes
    usage: bool = True


Behaviour = Callable[[str, int], Reply]  # the prompt, and how often it was asked before


def good(prompt: str, before: int) -> Reply:
    return Reply()


class FaultServer:
    """`with FaultServer(behaviour) as server:` serves at `server.url`; `asked` and `answered` count
    by prompt. `port` 0: any free one.
    """

    def __init__(
        self, behaviour: Behaviour = good, routes: list[web.RouteDef] | None = None, port: int = 0
    ):
        self.behaviour, self.routes, self.port = behaviour, routes or [], port
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0
        self.requests: list[dict[str, Any]] = []  # path, query and headers of each
        self.bodies: list[dict[str, Any]] = []  # the JSON of each
        self._ready = threading.Event()

    def __enter__(self) -> "FaultServer":
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10), "the server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=64 << 20)
        app.add_routes([*self.routes, web.post("/{path:.*chat/completions}", self._chat)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        port = runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/v1"
        self._ready.set()
        await self._done.wait()
        await runner.cleanup()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        prompt = body["messages"][-1]["content"]
        self.bodies.append(body)
        reply = self.behaviour(prompt, self.asked[prompt])
        self.asked[prompt] += 1
        self.requests.append(
            {
                "path": request.path,
                "query": dict(request.query),
                "headers": dict(request.headers),
            }
        )
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(reply.wait)
            return await self._send(request, reply, body)
        finally:
            self.at_once -= 1

    async def _send(
        self, request: web.Request, reply: Reply, body: dict[str, Any]
    ) -> web.StreamResponse:
        content = (
            reply.body if reply.body is not None else json.dumps(completion(reply, body)).encode()
        )
        headers = {"Content-Type": "application/json", **reply.headers}
        if not (reply.half or reply.drip):
            self.answered[body["messages"][-1]["content"]] += reply.status == 200
            return web.Response(body=content, status=reply.status, headers=headers)
        stream = web.StreamResponse(headers={**headers, "Content-Length": str(len(content))})
        await stream.prepare(request)
        if reply.half:
            await stream.write(content[: len(content) // 2])
            assert request.transport is not None
            request.transport.close()
            return stream
        with contextlib.suppress(ConnectionError):  # the client may lose patience
            for byte in content:
                await stream.write(bytes([byte]))
                await asyncio.sleep(reply.drip)
        return stream


def completion(reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
    """The JSON of a chat completion, or of an error. One token a word is close enough here."""
    if reply.status != 200:
        return {"error": reply.error}
    prompt_tokens = len(body["messages"][-1]["content"].split())
    tokens = len((reply.text or "").split())
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": tokens,
        "total_tokens": prompt_tokens + tokens,
    }
    message = {"role": "assistant", "content": reply.text}
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish}],
        **({"usage": usage} if reply.usage else {}),
    }


def one_in_twenty_without_rating(prompt: str, before: int) -> Reply:
    """Garbage as the first reply to 5 % of all prompts, chosen by their text, else a good one."""
    garbage = before == 0 and zlib.crc32(prompt.encode()) % 20 == 0
    return Reply("I would rather not say.") if garbage else Reply()


def main() -> None:
    """Serve until killed: print the address, then answer every request after `--latency` seconds, 5
    % with garbage.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.2)
    latency = parser.parse_args().latency
    with FaultServer(
        lambda *asked: replace(one_in_twenty_without_rating(*asked), wait=latency)
    ) as server:
        server.requests, server.bodies = _Forgetful(), _Forgetful()
        print(server.url, flush=True)
        threading.Event().wait()


class _Forgetful(list):  # type: ignore[type-arg]
    """A list that keeps nothing, so that a long run does not fill the memory."""

    def append(self, item: object) -> None:
        pass


if __name__ == "__main__":
    main()

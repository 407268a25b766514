"""Asking an OpenAI-compatible endpoint for the replies that the store lacks: many calls at once,
each paid for once.
"""

import asyncio
import contextlib
import itertools
import random
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tqdm import tqdm

from reset.core.errors import InputError
from reset.judges.instruction import cost, llm, rating, replies, retry_policy
from reset.judges.instruction.rate_limit import RateLimiter
from reset.judges.instruction.reply_store import Store
from reset.judges.instruction.settings import OpenAISettings

FIRST_WAIT, LAST_WAIT = 0.5, 60.0  # seconds before a second try, doubled up to the last
OTHER_PROCESS = 0.2  # seconds between looks at a reply that another process is waiting for


class Refused(Exception):
    """One call got no reply, for good; the message says why."""


class Stopped(Exception):
    """The run is ending; this call was not sent."""


@dataclass
class JudgeClient:
    """One run over a list of prompts. `allowed`: prompts that may end without a rating before all
    is stopped.
    """

    settings: OpenAISettings
    store: Store
    stage: str
    allowed: int
    client: Any
    failures: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.limiter = RateLimiter(
            self.settings.requests_per_minute, self.settings.tokens_per_minute, sleep=self._pause
        )
        self.stopping = asyncio.Event()
        self.error: str | None = None
        self.bug: Exception | None = None
        self.unrated = 0
        self.lost = 0  # replies that came and could not be stored
        self.usd = 0.0
        self.random = random.Random()  # for jitter alone: no result depends on it

    async def run(self, prompts: Sequence[str]) -> dict[str, str]:
        """Ask until every prompt has its ratings; the reason for each prompt that a call failed
        for.

        InputError when the run had to stop: everything that arrived is in the store. `stop` ends it
        early, without sending anything new and with waiting for what is under way. So does any
        other exception, which is raised last.
        """
        queue = iter(prompts)
        interval = 0.5 if sys.stderr.isatty() else 30.0
        bar = tqdm(
            total=len(prompts), desc=self.stage, unit="answer", smoothing=0.05, mininterval=interval
        )
        count = min(self.settings.concurrency, len(prompts))
        await asyncio.gather(*(self._work(queue, bar) for _ in range(count)))
        with contextlib.suppress(OSError):
            bar.close()
        if self.bug:
            raise self.bug
        if self.error:
            raise InputError(f"{self.stage}: {self.error}; {self._kept()}")
        return self.failures

    def _kept(self) -> str:
        """What the next run finds, when this one had to stop."""
        kept = "every reply so far is kept, and the next run goes on there"
        if not self.lost:
            return kept
        return (
            f"{self.lost} replies had arrived and could not be stored: they are lost, stay booked"
            f" and will be asked for again; all others are kept, and the next run goes on there"
        )

    def stop(self, why: str) -> None:
        """Send nothing more; the first reason is kept."""
        self.error = self.error or why
        self.stopping.set()

    async def _work(self, queue: Iterator[str], bar: Any) -> None:
        for prompt in queue:
            if self.stopping.is_set():
                return
            try:
                await self._rate(prompt)
            except Stopped:
                return
            except Refused as refusal:
                self.failures[prompt] = str(refusal)
                self._count_unrated(str(refusal))
            except sqlite3.Error as error:
                return self.stop(f"the store of replies cannot be used ({error})")
            # raised at once, it would end the other calls under way, which are paid for
            except Exception as error:
                self.bug = self.bug or error
                return self.stop("a bug")
            # whoever watched the bar may be gone; the replies still matter
            with contextlib.suppress(OSError):
                bar.set_postfix_str(f"{self.usd:.4f} USD", refresh=False)
                bar.update()

    async def _rate(self, prompt: str) -> None:
        """Ask for repeat after repeat until the prompt has its ratings, or no tries are left."""
        while True:
            replies, repeat = llm.stored_replies(prompt, self.settings, self.store)
            if repeat is None:
                break
            await self._ask(prompt, repeat)
        found = [rating.parse(reply.text, reply.finish) for reply in replies]
        if all(one.value is None for one in found):
            self._count_unrated(found[-1].reason or "")

    def _count_unrated(self, reason: str) -> None:
        self.unrated += 1
        if self.unrated > self.allowed:
            self.stop(
                f"{self.unrated} answers have no rating, more than judges.max_missing allows (last:"
                f" {reason})"
            )

    async def _ask(self, prompt: str, repeat: int) -> None:
        """One stored reply: this call's, or one that another process got meanwhile. Raises Refused
        or Stopped.
        """
        key = llm.key(self.settings, prompt, repeat)
        most = cost.at_most(self.settings, prompt)
        for tries in itertools.count(1):
            await self.limiter.acquire(cost.charged(len(prompt.encode()), 1, self.settings))
            if not await self._claim(key, most):
                return
            fault = await self._send(prompt, repeat, key)
            if fault is None:
                return
            if fault.action == "stop":
                self.stop(fault.reason)
                raise Stopped
            if fault.action == "give_up" or tries > self.settings.retries:
                raise Refused(
                    f"no reply after {tries} tries: {fault.reason}" if tries > 1 else fault.reason
                )
            await self._back_off(fault, tries)

    async def _claim(self, key: str, most: float) -> bool:
        """Whether this process is to make the call now; False when another process has got the
        reply.
        """
        while not self.stopping.is_set():
            claim = self.store.claim(
                key, most, self.settings.budget_usd, self.settings.timeout + 10
            )
            if claim == "no budget":
                self.stop(
                    f"the budget is used up: {self.store.booked():.4f} of"
                    f" {self.settings.budget_usd:g} USD are spent or under way and the next call"
                    f" may cost {most:.4f}; raise judges.instruction.openai.budget_usd"
                )
            elif claim == "busy":
                await self._pause(OTHER_PROCESS)
            else:
                return claim == "mine"
        raise Stopped

    async def _send(self, prompt: str, repeat: int, key: str) -> retry_policy.Fault | None:
        """One call under a claim that is settled in every case; None when its reply is stored."""
        start = time.monotonic()
        try:
            async with asyncio.timeout(self.settings.timeout):
                reply = await self._post(prompt)
            seconds = time.monotonic() - start
            answer = replies.read_reply(reply, prompt, self.settings, seconds)
        except asyncio.CancelledError:
            self.store.release(key, paid=True)
            raise
        except Exception as error:
            fault = retry_policy.classify_error(error)
            self.store.release(key, fault.paid)
            return fault
        size = len(prompt.encode())
        try:
            self.store.put(key, answer, self.settings.model, repeat, self.stage, size)
        except sqlite3.Error:
            self.lost += 1
            raise
        self.usd += answer.usd
        return None

    async def _post(self, prompt: str) -> Any:
        """The JSON that the endpoint answers, whatever its Content-Type says.

        This is `chat.completions.create` without its typed models, which take half of the time of a
        call.
        """
        try:
            reply = await self.client.post(
                "/chat/completions", cast_to=object, body=body(prompt, self.settings)
            )
        except (ValueError, RecursionError):  # what the client's own json.loads raises
            raise replies.Malformed("no JSON that can be read") from None
        return replies.parse_json(reply) if isinstance(reply, str) else reply

    async def _back_off(self, fault: retry_policy.Fault, tries: int) -> None:
        wait = (
            fault.wait if fault.wait is not None else min(LAST_WAIT, FIRST_WAIT * 2 ** (tries - 1))
        )
        if fault.everyone:
            self.limiter.pause(wait)
        await self._pause(wait + self.random.uniform(0, max(wait, FIRST_WAIT) / 2))

    async def _pause(self, seconds: float) -> None:
        """Wait; raises Stopped as soon as the run is to end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        if self.stopping.is_set():
            raise Stopped


def body(prompt: str, settings: OpenAISettings) -> dict[str, Any]:
    """The JSON of one request. No seed: some servers cannot take one, and greedy replies do not
    depend on it.
    """
    request: dict[str, Any] = {"model": settings.model, "messages": llm.messages(prompt)}
    if settings.temperature is not None:
        request["temperature"] = settings.temperature
    request[settings.token_limit_field] = settings.max_tokens
    return request | (settings.extra_body or {})


def client(settings: OpenAISettings) -> Any:
    """An asynchronous openai client for the endpoint, which leaves all retrying to us.

    An Azure-style address (`…/openai/deployments/NAME?api-version=…`) gets the client that the
    library has for it. Azure's newer one (`…/openai/v1`) is like OpenAI's own.
    """
    import openai

    url = urlsplit(settings.url)
    query = dict(parse_qsl(url.query))
    version = None if url.path.rstrip("/").endswith("/v1") else query.pop("api-version", None)
    kind: Any = openai.AsyncAzureOpenAI if version else openai.AsyncOpenAI
    # aiohttp takes a third of the default's work a call; a proxy must not catch this machine's own
    http_client = openai.DefaultAioHttpClient(
        timeout=settings.timeout, trust_env=not settings.local
    )
    return kind(
        base_url=url._replace(query="").geturl(),
        api_key=settings.key,
        max_retries=0,
        timeout=settings.timeout,
        http_client=http_client,
        default_query=query or None,
        **({"api_version": version} if version else {}),
    )

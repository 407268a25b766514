"""The same replies at half the price and within a day: judge calls through the OpenAI Batch API,
into the same store.

Crash-safe in this order: every call is claimed, the file is uploaded, the batch is created, its id
is written down with its claims. A run first collects the batches that its stage has under way. A
batch whose creator died before it could write the id down is found at the provider, by the digest
of its keys that it carries.
"""

import asyncio
import contextlib
import itertools
import json
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import openai

from reset.core import hashing
from reset.core.errors import InputError
from reset.judges.instruction import cost, llm, replies, retry_policy
from reset.judges.instruction.client import body
from reset.judges.instruction.reply_store import PLACE, Store
from reset.judges.instruction.settings import OpenAISettings

MOST_CALLS, MOST_BYTES = 50_000, 100_000_000  # of one batch; OpenAI takes 50,000 calls and 200 MB
POLL = 30.0  # seconds between looks at a running batch
LONGEST = 26 * 3600.0  # seconds that a claim holds: a batch has 24 hours
ENDED = ("completed", "failed", "expired", "cancelled")
ENDPOINT = "/v1/chat/completions"


class Call(NamedTuple):
    """One request of a batch. Its name there tells all that is needed to store the reply."""

    key: str
    prompt: str
    repeat: int

    @property
    def name(self) -> str:
        return f"{self.key}-{self.repeat}-{len(self.prompt.encode())}"


class Batches:
    """One run over a list of prompts; the counterpart of `client.JudgeClient`, with the same store
    and the same rules.
    """

    def __init__(
        self, settings: OpenAISettings, store: Store, stage: str, allowed: int, client: Any
    ):
        self.settings, self.store, self.stage, self.allowed = settings, store, stage, allowed
        self.client = client  # for creating batches: a second try might create a second batch
        self.patient = client.with_options(max_retries=settings.retries)
        self.stopping = asyncio.Event()
        self.failures: dict[str, str] = {}

    def stop(self, why: str) -> None:
        """End the run; batches under way go on at the provider, and the next run collects them."""
        self.stopping.set()

    async def run(self, prompts: Sequence[str]) -> dict[str, str]:
        """Batch after batch until every prompt has its ratings; the reason for each prompt that a
        call failed for.

        InputError when the provider refuses, the budget ends, the run is stopped, or more than
        `allowed` prompts stay without a rating.
        """
        try:
            while calls := self._missing(prompts):
                await self._round(calls)
                self._check_unrated(prompts)
        except Exception as error:
            message = (
                f"{self.stage}: {_reason(error)}; every reply that was stored is kept, and the next"
                " run goes on there"
            )
            raise InputError(message) from error
        return self.failures

    def _missing(self, prompts: Sequence[str]) -> list[Call]:
        """The calls that are sure to be needed: every repeat that lacks a reply, or the next one
        after a bad reply.
        """
        calls = []
        for prompt in prompts:
            repeat = llm.stored_replies(prompt, self.settings, self.store)[1]
            if repeat is None or prompt in self.failures:
                continue
            for index in range(repeat, max(repeat + 1, self.settings.repeats)):
                key = llm.key(self.settings, prompt, index)
                if llm.stored_reply(prompt, self.settings, self.store, index) is None:
                    calls.append(Call(key, prompt, index))
        return calls

    async def _round(self, calls: Sequence[Call]) -> None:
        """Collect the batches under way; if there are none, submit the calls."""
        under_way = self.store.open_batches(self.stage)
        if not under_way:
            for part in parts(calls, self.settings):
                await self._submit(part)
            under_way = self.store.open_batches(self.stage)
        if not under_way:  # other stages have asked for all of these texts
            await self._pause()
        prompts = {call.name: call.prompt for call in calls}
        for id in under_way:
            try:
                await self._collect(id, prompts)
            except openai.NotFoundError:
                raise InputError(
                    f"batch {id} or its results are not there for this key (HTTP 404); use the key"
                    " that sent it, or, to have its calls sent again, set its stage to '' in the"
                    f" table batches of {PLACE}"
                ) from None

    async def _submit(self, calls: Sequence[Call]) -> None:
        """Claim the calls, send those that nobody else has under way as one batch, and write its id
        down.
        """
        keys = [call.key for call in calls]
        mark = hashing.digest(*keys)
        if found := await self._find(mark):
            self.store.add_batch(found, self.stage, keys)
            return
        mine = self._claim(calls)
        if not mine:
            return
        try:
            id = await self._create("".join(line(call, self.settings) for call in mine), mark)
        except Exception as error:
            if not retry_policy.classify_error(error).paid:  # refused, so nothing is under way
                for call in mine:
                    self.store.release(call.key, paid=False)
            raise
        self.store.add_batch(id, self.stage, [call.key for call in mine])
        print(f"{self.stage}: batch {id} with {len(mine):,} calls is under way", file=sys.stderr)

    async def _find(self, mark: str) -> str | None:
        """The id of a batch that carries `mark` and may have replies not collected yet, or None."""
        async for batch in self.patient.batches.list(limit=100):
            ours = (batch.metadata or {}).get("reset") == mark
            over = batch.status in ("failed", "cancelled", "expired")
            if ours and not over and not self.store.collected(batch.id):
                return batch.id
        return None

    async def _create(self, lines: str, mark: str) -> str:
        file = await self.patient.files.create(
            file=("judge.jsonl", lines.encode()), purpose="batch"
        )
        batch = await self.client.batches.create(
            input_file_id=file.id,
            endpoint=ENDPOINT,
            completion_window="24h",
            metadata={"reset": mark},
        )
        return batch.id

    def _claim(self, calls: Sequence[Call]) -> list[Call]:
        mine: list[Call] = []
        for call in calls:
            most = cost.at_most(self.settings, call.prompt)
            claim = self.store.claim(call.key, most, self.settings.budget_usd, LONGEST)
            if claim == "mine":
                mine.append(call)
            elif claim == "no budget":
                for earlier in mine:
                    self.store.release(earlier.key, paid=False)
                raise InputError(
                    f"the budget is used up: a batch of {len(calls):,} calls does not fit into the"
                    f" {self.settings.budget_usd:g} USD of which {self.store.booked():.4f} are"
                    " booked; raise judges.instruction.openai.budget_usd"
                )
        return mine

    async def _collect(self, id: str, prompts: dict[str, str]) -> None:
        """Wait for a batch and store its replies; what it did not do is free to be asked again."""
        batch, shown = await self.patient.batches.retrieve(id), None
        while batch.status not in ENDED:
            counts = batch.request_counts
            done = f"{counts.completed:,} of {counts.total:,} calls" if counts else ""
            state = done or str(batch.status)
            if state != shown:
                print(f"{self.stage}: batch {id}: {state}", file=sys.stderr)
                shown = state
            await self._pause()
            batch = await self.patient.batches.retrieve(id)
        files = [
            await self._rows(file) for file in (batch.output_file_id, batch.error_file_id) if file
        ]
        for row in itertools.chain(*files):
            self._keep(row, prompts)
        self.store.close_batch(id)
        if batch.status in ("failed", "cancelled"):
            errors = batch.errors.data if batch.errors and batch.errors.data else []
            raise InputError(
                f"batch {id} was {batch.status}:"
                f" {errors[0].message if errors else 'no reason given'}"
            )

    async def _rows(self, file: str) -> list[dict[str, Any]]:
        """The rows of a file of results. Only a line feed ends one: replies may hold the other ends
        of lines raw.
        """
        content = await self.patient.files.content(file)
        lines = enumerate(content.content.split(b"\n"), start=1)
        return [
            result(text, f"the provider's file {file}, line {number}")
            for number, text in lines
            if text.strip()
        ]

    def _keep(self, row: dict[str, Any], prompts: dict[str, str]) -> None:
        name = row["custom_id"]
        key, repeat, size = name.rsplit("-", 2)
        if self.store.get(key):  # another run collected this batch too
            return
        response = row.get("response") or {}
        prompt = prompts.get(name, "")
        if response.get("status_code") == 200:
            try:
                answer = replies.read_reply(response.get("body"), prompt, self.settings, 0.0)
            except replies.Malformed as error:
                self.store.release(key, paid=True)
                self._fail(prompt, f"malformed reply ({error})")
            else:
                self.store.put(key, answer, self.settings.model, int(repeat), self.stage, int(size))
            return
        refusal = row.get("error") or (response.get("body") or {}).get("error") or {}
        if refusal.get("code") != "batch_expired":
            self._fail(prompt, replies.quoted(refusal.get("message") or "no reply"))

    def _fail(self, prompt: str, reason: str) -> None:
        """Note why a prompt has no reply; one of an earlier run's batch is not this run's."""
        if prompt:
            self.failures[prompt] = f"batch: {reason}"

    def _check_unrated(self, prompts: Sequence[str]) -> None:
        unrated = len(self.failures)
        for prompt in prompts:
            replies, repeat = llm.stored_replies(prompt, self.settings, self.store)
            unrated += repeat is None and not cost.rated(replies)
        if unrated > self.allowed:
            reason = next(iter(self.failures.values()), "no reply held a rating")
            raise InputError(
                f"{unrated} answers have no rating, more than judges.max_missing allows ({reason})"
            )

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL):
                await self.stopping.wait()
        if self.stopping.is_set():
            raise InputError("interrupted; batches under way go on at the provider")


def _reason(error: Exception) -> str:
    """Why a run has to end, of an exception; one that is a bug is raised again."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, sqlite3.Error):
        return f"the store of replies cannot be used ({error})"
    return retry_policy.classify_error(error).reason


def result(text: bytes, where: str) -> dict[str, Any]:
    """One line of a batch's results; InputError, with `where` it stands, unless it is an object
    with a custom_id.
    """
    with contextlib.suppress(replies.Malformed):
        row = replies.parse_json(text)
        if isinstance(row, dict) and isinstance(row.get("custom_id"), str):
            return row
    raise InputError(f"{where}: expected a JSON object with the custom_id of a call")


def line(call: Call, settings: OpenAISettings) -> str:
    """One line of a batch's input file."""
    request = {
        "custom_id": call.name,
        "method": "POST",
        "url": ENDPOINT,
        "body": body(call.prompt, settings),
    }
    return json.dumps(request) + "\n"


def parts(calls: Sequence[Call], settings: OpenAISettings) -> Iterator[list[Call]]:
    """The calls in batches that the provider takes, by number and by size."""
    part: list[Call] = []
    size = 0
    for call in calls:
        length = len(line(call, settings))
        if part and (len(part) == MOST_CALLS or size + length > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(call)
        size += length
    if part:
        yield part

"""What a judge's calls will cost, before they are made."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from reset.core import io
from reset.judges.instruction import llm
from reset.judges.instruction.reply_store import Reply, Store
from reset.judges.instruction.settings import OpenAISettings

COST = "metrics/cost.json"  # no stage's out: spending differs from run to run, results do not
BYTES_PER_TOKEN = 4  # rule of thumb for English text
# no common tokenizer needs more tokens than this on written text: our assumption
FEWEST_BYTES_PER_TOKEN = 2
CHAT_TOKENS = 16  # the chat's own marks around a prompt, at most: our assumption
ENOUGH = 20  # replies of a model after which its own averages serve the estimate
# our assumption for a reply of two sentences, until there are ENOUGH
REPLY_TOKENS, REPLY_SECONDS = 80, 2.0


def tokens(text: str) -> int:
    """About how many tokens a text has."""
    return math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)


def tokens_at_most(text: str) -> int:
    """A cautious count, for what is booked before a call."""
    return math.ceil(len(text.encode("utf-8", "replace")) / FEWEST_BYTES_PER_TOKEN) + CHAT_TOKENS


def at_most(settings: OpenAISettings, prompt: str) -> float:
    """USD that one call can cost."""
    return settings.price(tokens_at_most(prompt), settings.max_tokens)


def charged(size: int, calls: int, settings: OpenAISettings) -> float:
    """Tokens that calls with prompts of `size` bytes together take from `tokens_per_minute`: all
    that they may need.

    Providers charge a call when it comes, for its longest possible reply, and give nothing back
    (OpenAI's guide to its rate limits: the larger of max_tokens and an estimate from the request's
    characters).
    """
    return size / FEWEST_BYTES_PER_TOKEN + calls * (CHAT_TOKENS + settings.max_tokens)


@dataclass(frozen=True)
class Estimate:
    """Texts to rate, replies at hand, calls to make, and what these will take if every reply holds
    a rating.

    `usd_at_most` is what they book before they are sent: each reply as long as `max_tokens`, as a
    judge's that thinks first may be. `minutes` is None for calls through the Batch API, which says
    no more than "within a day".
    """

    texts: int = 0
    cached: int = 0
    calls: int = 0
    tokens: float = 0.0
    usd: float = 0.0
    usd_at_most: float = 0.0
    minutes: float | None = 0.0

    def __add__(self, other: "Estimate") -> "Estimate":
        pairs = [(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)]
        sums: list[Any] = [None if None in pair else sum(pair) for pair in pairs]
        return Estimate(*sums)

    def __str__(self) -> str:
        time = "within a day" if self.minutes is None else f"{self.minutes:,.1f} minutes"
        return (
            f"{self.texts:,} texts: {self.cached:,} replies at hand, {self.calls:,} calls to make,"
            f" about {self.tokens:,.0f} tokens, {self.usd:,.4f} USD"
            f" ({self.usd_at_most:,.4f} at most), {time}"
        )


def estimate(prompts: Iterable[str], settings: OpenAISettings, store: Store) -> Estimate:
    """The estimate for distinct prompts whose texts are known: replies in the store are not asked
    for again.
    """
    texts = cached = calls = size = 0
    for prompt in prompts:
        replies, repeat = llm.stored_replies(prompt, settings, store)
        missing = 0 if repeat is None else settings.repeats - rated(replies)
        texts, cached, calls = texts + 1, cached + len(replies), calls + missing
        size += missing * len(prompt.encode())
    return forecast(texts, cached, calls, size, settings, store)


def forecast(
    texts: int, cached: int, calls: int, size: int, settings: OpenAISettings, store: Store
) -> Estimate:
    """The estimate for so many calls with prompts of `size` bytes together.

    Tokens and seconds are the model's own averages where the store has ENOUGH of its replies, else
    rules of thumb.
    """
    count, per_byte, reply = store.mean_tokens(settings.model)
    if count < ENOUGH:
        per_byte, reply = 1 / BYTES_PER_TOKEN, min(REPLY_TOKENS, settings.max_tokens)
    incoming, outgoing = size * per_byte, calls * reply
    longest = calls * settings.max_tokens
    return Estimate(
        texts,
        cached,
        calls,
        tokens=incoming + outgoing,
        usd=settings.price(incoming, outgoing),
        usd_at_most=settings.price(charged(size, calls, settings) - longest, longest),
        minutes=_minutes(calls, size, settings, store) if calls else 0.0,
    )


def _minutes(calls: int, size: int, settings: OpenAISettings, store: Store) -> float | None:
    """What takes longest: waiting for replies, or one of the limits. None for the Batch API."""
    if settings.batch_api:
        return None
    count, seconds = store.mean_seconds(settings.model)
    minutes = [calls * (seconds if count >= ENOUGH else REPLY_SECONDS) / settings.concurrency / 60]
    if settings.requests_per_minute:
        minutes.append(calls / settings.requests_per_minute)
    if settings.tokens_per_minute:
        minutes.append(charged(size, calls, settings) / settings.tokens_per_minute)
    return max(minutes)


def rated(replies: Iterable[Reply]) -> int:
    """How many replies hold a rating."""
    return sum(llm.rating.parse(reply.text, reply.finish).value is not None for reply in replies)


def write_cost(store: Store) -> dict[str, Any]:
    """Write what all calls in the store cost so far to COST, and return it."""
    spent = store.usage()
    io.write_json(COST, spent)
    return spent

"""What a judge's calls will cost, before they are made."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from reset import records
from reset.judges import llm
from reset.judges.store import Store

COST = "metrics/cost.json"  # no stage's out: spending differs from run to run, results do not
BYTES_PER_TOKEN = 4  # rule of thumb for English text
FEWEST_BYTES_PER_TOKEN = 2  # no common tokenizer needs more tokens than this on written text: our assumption
ENOUGH = 20  # replies of a model after which its own averages serve the estimate
REPLY_TOKENS, REPLY_SECONDS = 80, 2.0  # our assumption for a reply of two sentences, until there are ENOUGH


def tokens(text: str) -> int:
    """About how many tokens a text has."""
    return math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)


def tokens_at_most(text: str) -> int:
    """A cautious count, for what is booked before a call."""
    return math.ceil(len(text.encode("utf-8", "replace")) / FEWEST_BYTES_PER_TOKEN) + 16  # + the chat's own marks


def at_most(settings: llm.OpenAI, prompt: str) -> float:
    """USD that one call can cost."""
    return settings.price(tokens_at_most(prompt), settings.max_tokens)


@dataclass(frozen=True)
class Estimate:
    """Texts to rate, replies at hand, calls to make, and what these will take if every reply holds a rating."""

    texts: int = 0
    cached: int = 0
    calls: int = 0
    tokens: float = 0.0
    usd: float = 0.0
    minutes: float = 0.0

    def __add__(self, other: "Estimate") -> "Estimate":
        return Estimate(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def __str__(self) -> str:
        return (
            f"{self.texts:,} texts: {self.cached:,} replies at hand, {self.calls:,} calls to make, about"
            f" {self.tokens:,.0f} tokens, {self.usd:,.4f} USD, {self.minutes:,.1f} minutes"
        )


def estimate(prompts: Iterable[str], settings: llm.OpenAI, store: Store) -> Estimate:
    """The estimate for distinct prompts whose texts are known: replies in the store are not asked for again."""
    texts = cached = calls = size = 0
    for prompt in prompts:
        replies, repeat = llm.standing(prompt, settings, store)
        missing = 0 if repeat is None else settings.repeats - rated(replies)
        texts, cached, calls = texts + 1, cached + len(replies), calls + missing
        size += missing * len(prompt.encode())
    return forecast(texts, cached, calls, size, settings, store)


def forecast(texts: int, cached: int, calls: int, size: int, settings: llm.OpenAI, store: Store) -> Estimate:
    """The estimate for so many calls with prompts of `size` bytes together.

    Tokens and seconds are the model's own averages where the store has ENOUGH of its replies, else rules of thumb.
    """
    count, per_byte, reply, seconds = store.means(settings.model)
    if count < ENOUGH:
        per_byte, reply, seconds = 1 / BYTES_PER_TOKEN, min(REPLY_TOKENS, settings.max_tokens), REPLY_SECONDS
    incoming, outgoing = size * per_byte, calls * reply
    minutes = [calls * seconds / settings.concurrency / 60]
    minutes += [calls / settings.requests_per_minute] if settings.requests_per_minute else []
    minutes += [(incoming + outgoing) / settings.tokens_per_minute] if settings.tokens_per_minute else []
    return Estimate(texts, cached, calls, incoming + outgoing, settings.price(incoming, outgoing), max(minutes))


def rated(replies: Iterable[llm.Answer]) -> int:
    """How many replies hold a rating."""
    return sum(llm.rating.parse(reply.text, reply.finish).value is not None for reply in replies)


def write_cost(store: Store) -> dict[str, Any]:
    """Write what all calls in the store cost so far to COST, and return it."""
    spent = store.usage()
    records.write_json(COST, spent)
    return spent

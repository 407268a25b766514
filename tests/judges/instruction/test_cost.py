"""Estimates before spending."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reset.judges.instruction import cost
from reset.judges.instruction.rate_limit import RateLimiter
from reset.judges.instruction.reply_store import Reply, Store
from reset.judges.instruction.settings import OpenAISettings
from tests.judges.instruction.test_llm import keep
from tests.judges.instruction.test_rate_limit import Clock
from tests.support.fault_server import ENDPOINT

PROMPTS = ["x" * 400] * 1 + ["y" * 400]


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "judge.sqlite") as store:
        yield store


def test_counts_calls_tokens_usd_and_minutes(store):
    found = cost.estimate(PROMPTS, replace(ENDPOINT, concurrency=2), store)
    assert (found.texts, found.cached, found.calls) == (2, 0, 2)
    assert found.tokens == 2 * 100 + 2 * cost.REPLY_TOKENS
    assert found.usd == pytest.approx((200 * 1.0 + 160 * 2.0) / 1e6)
    assert found.minutes == pytest.approx(2 * cost.REPLY_SECONDS / 2 / 60)


def test_the_most_that_calls_cost_is_what_they_book(store):
    found = cost.estimate(PROMPTS, ENDPOINT, store)
    assert found.usd_at_most == pytest.approx(sum(cost.at_most(ENDPOINT, p) for p in PROMPTS))
    assert found.usd_at_most > found.usd


def test_what_is_stored_costs_nothing(store):
    keep(store, PROMPTS[0], 0, "x\nRating: 5")
    found = cost.estimate(PROMPTS, ENDPOINT, store)
    assert (found.cached, found.calls) == (1, 1)


def test_an_unrated_reply_needs_another_call_and_spent_tries_none(store):
    for repeat in range(3):
        keep(store, PROMPTS[0], repeat, "no idea")
    keep(store, PROMPTS[1], 0, "no idea")
    found = cost.estimate(PROMPTS, ENDPOINT, store)
    assert (found.cached, found.calls) == (4, 1)


def test_repeats_multiply_the_calls(store):
    assert cost.estimate(PROMPTS, replace(ENDPOINT, repeats=3), store).calls == 6


def test_rate_limits_set_the_minutes_when_they_bind(store):
    assert cost.estimate(PROMPTS, replace(ENDPOINT, requests_per_minute=1), store).minutes == 2
    charged = 2 * (200 + cost.CHAT_TOKENS + ENDPOINT.max_tokens)
    assert (
        cost.estimate(PROMPTS, replace(ENDPOINT, tokens_per_minute=10), store).minutes
        == charged / 10
    )


@pytest.mark.parametrize(
    "limits", [(60, None), (None, 3000), (60, 3000)], ids=["requests", "tokens", "both"]
)
def test_the_minutes_of_a_limit_are_those_that_the_pacing_takes(store, limits):
    settings = replace(
        ENDPOINT, concurrency=1000, requests_per_minute=limits[0], tokens_per_minute=limits[1]
    )
    prompts = [f"{number} {'x' * 3 * number}" for number in range(1, 200)]
    clock = Clock()
    pace = RateLimiter(*limits, clock=clock, sleep=clock.sleep)
    begin = clock.now

    async def run():
        for prompt in [*prompts, "what comes after them"]:
            await pace.acquire(cost.charged(len(prompt), 1, settings))

    asyncio.run(run())
    paced = (clock.now - begin) / 60
    assert cost.estimate(prompts, settings, store).minutes == pytest.approx(paced, rel=0.01)


def test_a_models_own_averages_replace_the_rules_of_thumb(store):
    for number in range(cost.ENOUGH):
        answer = Reply("x\nRating: 5", "stop", 50, 30, 0.0, 6.0)
        store.put(str(number), answer, ENDPOINT.model, 0, "stage", 100)
    found = cost.estimate(PROMPTS, ENDPOINT, store)
    assert found.tokens == 2 * 200 + 2 * 30
    assert found.minutes == pytest.approx(2 * 6.0 / 8 / 60)


def test_replies_of_a_batch_which_nobody_waited_for_do_not_shorten_the_minutes(store):
    for number in range(2 * cost.ENOUGH):
        seconds = 6.0 if number < cost.ENOUGH else 0.0
        answer = Reply("x\nRating: 5", "stop", 50, 30, 0.0, seconds)
        store.put(str(number), answer, ENDPOINT.model, 0, "stage", 100)
        if number + 1 == cost.ENOUGH:
            alone = cost.estimate(PROMPTS, ENDPOINT, store).minutes
    assert (
        cost.estimate(PROMPTS, ENDPOINT, store).minutes == alone == pytest.approx(2 * 6.0 / 8 / 60)
    )


def test_where_all_replies_are_of_batches_the_rule_of_thumb_gives_the_minutes(store):
    for number in range(cost.ENOUGH):
        store.put(
            str(number),
            Reply("Rating: 5", "stop", 50, 30, 0.0, 0.0),
            ENDPOINT.model,
            0,
            "stage",
            100,
        )
    assert cost.estimate(PROMPTS, ENDPOINT, store).minutes == 2 * cost.REPLY_SECONDS / 8 / 60


def test_the_batch_api_costs_half_and_takes_up_to_a_day(store):
    half = cost.estimate(PROMPTS, replace(ENDPOINT, batch_api=True), store)
    assert half.usd == pytest.approx(cost.estimate(PROMPTS, ENDPOINT, store).usd / 2)
    assert str(half).endswith("at most), within a day")
    assert str(cost.Estimate() + half + half).endswith("at most), within a day")
    assert str(cost.estimate([], replace(ENDPOINT, batch_api=True), store)).endswith(
        "at most), 0.0 minutes"
    )


def test_estimates_add_up(store):
    one = cost.estimate(PROMPTS, ENDPOINT, store)
    assert (one + one).calls == 4
    assert "4 calls to make" in str(one + one)


@given(st.text())
def test_what_is_booked_is_never_less_than_what_is_expected(text):
    assert cost.tokens_at_most(text) > cost.tokens(text)
    assert cost.at_most(ENDPOINT, text) >= ENDPOINT.price(cost.tokens(text), 0)


def test_a_free_endpoint_costs_nothing():
    free = replace(ENDPOINT, price_per_million_input=0.0, price_per_million_output=0.0)
    assert cost.at_most(free, "x" * 1000) == 0
    assert OpenAISettings.price(free, 10, 10) == 0

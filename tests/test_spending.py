"""Estimates before spending."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reset.judges import llm, spending
from reset.judges.store import Answer, Store
from tests.fault_server import ENDPOINT
from tests.test_llm import keep

PROMPTS = ["x" * 400] * 1 + ["y" * 400]


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "judge.sqlite") as store:
        yield store


def test_counts_calls_tokens_usd_and_minutes(store):
    found = spending.estimate(PROMPTS, replace(ENDPOINT, concurrency=2), store)
    assert (found.texts, found.cached, found.calls) == (2, 0, 2)
    assert found.tokens == 2 * 100 + 2 * spending.REPLY_TOKENS
    assert found.usd == pytest.approx((200 * 1.0 + 160 * 2.0) / 1e6)
    assert found.minutes == pytest.approx(2 * spending.REPLY_SECONDS / 2 / 60)


def test_what_is_stored_costs_nothing(store):
    keep(store, PROMPTS[0], 0, "x\nRating: 5")
    found = spending.estimate(PROMPTS, ENDPOINT, store)
    assert (found.cached, found.calls) == (1, 1)


def test_an_unrated_reply_needs_another_call_and_spent_tries_none(store):
    for repeat in range(3):
        keep(store, PROMPTS[0], repeat, "no idea")
    keep(store, PROMPTS[1], 0, "no idea")
    found = spending.estimate(PROMPTS, ENDPOINT, store)
    assert (found.cached, found.calls) == (4, 1)


def test_repeats_multiply_the_calls(store):
    assert spending.estimate(PROMPTS, replace(ENDPOINT, repeats=3), store).calls == 6


def test_rate_limits_set_the_minutes_when_they_bind(store):
    assert spending.estimate(PROMPTS, replace(ENDPOINT, requests_per_minute=1), store).minutes == 2
    tokens = 2 * 100 + 2 * spending.REPLY_TOKENS
    assert spending.estimate(PROMPTS, replace(ENDPOINT, tokens_per_minute=10), store).minutes == tokens / 10


def test_a_models_own_averages_replace_the_rules_of_thumb(store):
    for number in range(spending.ENOUGH):
        answer = Answer("x\nRating: 5", "stop", 50, 30, 0.0, 6.0)
        store.put(str(number), answer, ENDPOINT.model, 0, "stage", 100)
    found = spending.estimate(PROMPTS, ENDPOINT, store)
    assert found.tokens == 2 * 200 + 2 * 30
    assert found.minutes == pytest.approx(2 * 6.0 / 8 / 60)


def test_the_batch_api_costs_half(store):
    half = spending.estimate(PROMPTS, replace(ENDPOINT, batch_api=True), store)
    assert half.usd == pytest.approx(spending.estimate(PROMPTS, ENDPOINT, store).usd / 2)


def test_estimates_add_up(store):
    one = spending.estimate(PROMPTS, ENDPOINT, store)
    assert (one + one).calls == 4
    assert "4 calls to make" in str(one + one)


@given(st.text())
def test_what_is_booked_is_never_less_than_what_is_expected(text):
    assert spending.tokens_at_most(text) > spending.tokens(text)
    assert spending.at_most(ENDPOINT, text) >= ENDPOINT.price(spending.tokens(text), 0)


def test_a_free_endpoint_costs_nothing():
    free = replace(ENDPOINT, price_per_million_input=0.0, price_per_million_output=0.0)
    assert spending.at_most(free, "x" * 1000) == 0
    assert llm.OpenAI.price(free, 10, 10) == 0

"""Rate limits, on a clock that only moves when somebody sleeps."""

import asyncio

import pytest

from reset.judges.instruction.rate_limit import RateLimiter


class Clock:
    def __init__(self):
        self.now = 100.0

    async def sleep(self, seconds):
        self.now += seconds

    def __call__(self):
        return self.now


def seconds_for(calls, tokens, **limits):
    clock = Clock()
    pace = RateLimiter(**limits, clock=clock, sleep=clock.sleep)

    async def run():
        for _ in range(calls):
            await pace.acquire(tokens)

    asyncio.run(run())
    return clock.now - 100.0


def test_without_limits_nobody_waits():
    assert seconds_for(1000, 1000, requests_per_minute=None, tokens_per_minute=None) == 0


def test_requests_are_spread_over_the_minute():
    assert seconds_for(61, 1, requests_per_minute=60, tokens_per_minute=None) == pytest.approx(60)


def test_tokens_are_spread_over_the_minute():
    assert seconds_for(11, 600, requests_per_minute=None, tokens_per_minute=6000) == pytest.approx(
        60
    )


def test_the_tighter_limit_rules():
    assert seconds_for(11, 600, requests_per_minute=6000, tokens_per_minute=6000) == pytest.approx(
        60
    )
    assert seconds_for(61, 1, requests_per_minute=60, tokens_per_minute=600000) == pytest.approx(60)


def test_a_hold_keeps_everybody_back_and_the_longer_one_wins():
    clock = Clock()
    pace = RateLimiter(None, None, clock=clock, sleep=clock.sleep)
    pace.pause(30)
    pace.pause(5)
    asyncio.run(pace.acquire(1))
    assert clock.now == 130.0

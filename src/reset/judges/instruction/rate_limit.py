"""Keeping under a provider's rate limits: calls and tokens are spread evenly, and a refusal pauses
all callers.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable


class RateLimiter:
    """At most so many requests and tokens a minute (None: no limit), without bursts.

    `clock` gives seconds and `sleep` waits for them; tests put their own in.
    """

    def __init__(
        self,
        requests_per_minute: int | None,
        tokens_per_minute: int | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ):
        self._seconds_per_request = 60 / requests_per_minute if requests_per_minute else 0.0
        self._seconds_per_token = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._clock, self._sleep = clock, sleep
        self._requests_free_at = self._tokens_free_at = self._paused_until = clock()

    async def acquire(self, tokens: float) -> None:
        """Wait until a call of so many tokens (prompt and longest reply) may be sent."""
        now = self._clock()
        start = max(now, self._requests_free_at, self._tokens_free_at)
        self._requests_free_at = start + self._seconds_per_request
        self._tokens_free_at = start + tokens * self._seconds_per_token
        if start > now:
            await self._sleep(start - now)
        while (wait := self._paused_until - self._clock()) > 0:
            await self._sleep(wait)

    def pause(self, seconds: float) -> None:
        """Let nobody send for so many seconds: the provider said so."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

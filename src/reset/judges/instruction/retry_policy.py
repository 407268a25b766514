"""What a failed judge call means: try again, give this one up, or stop everything."""

import email.utils
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from reset.judges.instruction.replies import Hopeless, Malformed, quoted

# seconds; a provider that asks for more has closed for now, and waiting would look like a hang
LONGEST_WAIT = 120.0

# so nothing was billed
NEVER_CONNECTED = {"ConnectError", "ClientConnectorError", "PoolTimeout", "UnsupportedProtocol"}


@dataclass(frozen=True)
class Fault:
    """`action`: "retry" (after `wait` seconds if the provider named them), "give_up" (this call
    alone), "stop" (the run).

    `paid`: the provider may have worked for it, and billed it. `everyone`: the other callers should
    wait too.
    """

    action: Literal["retry", "give_up", "stop"]
    reason: str
    paid: bool = False
    wait: float | None = None
    everyone: bool = False


def classify_error(error: Exception) -> Fault:
    """The fault behind an exception of the openai client, of `asyncio.timeout`, or of `replies`;
    others are raised again.
    """
    import openai

    if isinstance(error, openai.APIConnectionError) and NEVER_CONNECTED & set(_causes(error)):
        return Fault("retry", "no connection")
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return Fault("retry", "no reply in time", paid=True)
    if isinstance(error, Hopeless):
        return Fault("give_up", str(error), paid=True)
    if isinstance(error, Malformed):
        return Fault("retry", f"malformed reply ({error})", paid=True)
    if isinstance(error, openai.APIStatusError):
        code = str(error.code or error.type or "")
        return _status(error.status_code, code, error.body, error.response.headers)
    if isinstance(error, openai.APIConnectionError):
        return Fault("retry", "connection broken", paid=True)
    raise error


def _status(status: int, code: str, body: object, headers: Mapping[str, str]) -> Fault:
    message = quoted(body.get("message", "")) if isinstance(body, dict) else ""
    said = f"HTTP {status}" + (f": {message}" if message else "")
    if status == 403 and _flagged(body):
        return Fault("give_up", said)
    if status in (401, 403):
        return Fault("stop", f"the key is refused ({said})")
    if status == 404 or code == "model_not_found":
        return Fault("stop", f"the model or the address is unknown there ({said})")
    if status == 402 or code == "insufficient_quota":
        return Fault("stop", f"the account has no credit left ({said})")
    if status in (408, 409, 425, 429) or status >= 500:
        wait = retry_after(headers)
        if wait is not None and wait > LONGEST_WAIT:
            return Fault("stop", f"the endpoint asks to come back in {wait:.0f} s ({said})")
        return Fault("retry", said, wait=wait, everyone=status in (429, 503))
    return Fault("give_up", said)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait that the headers name: `retry-after-ms`, or `retry-after` as seconds or as a
    date.
    """
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        text = headers.get(name)
        if text is None:
            continue
        try:
            seconds = float(text) * unit
        except ValueError:
            date = email.utils.parsedate_tz(text)
            seconds = email.utils.mktime_tz(date) - time.time() if date else math.nan
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    return None


def _flagged(body: object) -> bool:
    """Whether an error is OpenRouter's for a text that moderation refuses, not for a key."""
    metadata = body.get("metadata") if isinstance(body, dict) else None
    return isinstance(metadata, dict) and "flagged_input" in metadata


def _causes(error: BaseException | None) -> Iterator[str]:
    """The class names of an error and its causes: the client hides the transport's own behind its
    own.
    """
    while error is not None:
        yield from (kind.__name__ for kind in type(error).__mro__)
        error = error.__cause__

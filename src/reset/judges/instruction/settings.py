"""The settings of the judge of instruction following, and whether its endpoint can be asked."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from reset.core.errors import InputError

PROMPT = "prompts/judge_instruction.txt"


PROMPTS = {
    "openai": PROMPT,
    "openai_revised": "prompts/judge_revised.txt",
}  # back ends that ask an endpoint


Backend = Literal["rubric", "rubric_coarse", "rouge_l", "scorer", "openai", "openai_revised"]


OFFICIAL = "https://api.openai.com/v1"


@dataclass(frozen=True)
class OpenAISettings:
    """An OpenAI-compatible endpoint and what may be spent on it.

    `model` judges; the samples of a pool that `pool_models` names are judged by the model there
    instead (the paper has a weaker one for reset_s). The prices serve all models: set those of the
    dearest. `base_url` null is OpenAI's own. `api_key_env` names the environment variable that
    holds the key. `budget_usd` covers all calls recorded in the store, not one stage. `timeout` is
    the whole call's, in seconds. `retries`: extra tries of a call that failed; `parse_retries`:
    extra calls for a reply without a rating; `repeats`: ratings to take the median of. All of these
    send the same bytes again; at `temperature` 0 their replies differ only where the server does
    not repeat itself. `batch_api` sends the calls through the Batch API, slower and at half price.
    `extra_body`: fields to add to each request, such as vLLM's `structured_outputs`; null for none.
    """

    base_url: str | None
    model: str
    pool_models: dict[str, str]
    api_key_env: str
    concurrency: int
    requests_per_minute: int | None
    tokens_per_minute: int | None
    price_per_million_input: float
    price_per_million_output: float
    budget_usd: float
    timeout: float
    retries: int
    parse_retries: int
    repeats: int
    max_tokens: int
    temperature: float
    batch_api: bool
    extra_body: dict[str, Any] | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "extra_body", _plain(self.extra_body))
        object.__setattr__(self, "pool_models", dict(self.pool_models))
        least = {
            "concurrency": 1,
            "repeats": 1,
            "max_tokens": 1,
            "retries": 0,
            "parse_retries": 0,
            "temperature": 0,
        }
        least |= {"price_per_million_input": 0, "price_per_million_output": 0, "budget_usd": 0}
        for key, lowest in least.items():
            if getattr(self, key) < lowest:
                raise InputError(
                    f"judges.instruction.openai.{key} is {getattr(self, key)}; at least {lowest} is"
                    " right"
                )
        for key in ("requests_per_minute", "tokens_per_minute", "timeout"):
            value = getattr(self, key)
            if value is not None and value <= 0:
                raise InputError(f"judges.instruction.openai.{key} is {value}; it must be positive")
        if self.batch_api and (self.requests_per_minute or self.tokens_per_minute):
            raise InputError(
                "judges.instruction.openai: requests_per_minute and tokens_per_minute have no"
                " effect with batch_api; set them to null"
            )

    def judging(self, kind: str, name: str) -> "OpenAISettings":
        """These settings with the model that judges one pool's samples or one run's predictions."""
        return replace(
            self, model=self.pool_models.get(name, self.model) if kind == "samples" else self.model
        )

    @property
    def url(self) -> str:
        return self.base_url or OFFICIAL

    @property
    def local(self) -> bool:
        """Whether the endpoint is this machine (localhost or a loopback address)."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def key(self) -> str:
        """The API key from the environment; a local server needs none."""
        return os.environ.get(self.api_key_env) or "none"

    def price(self, prompt_tokens: float, completion_tokens: float) -> float:
        """USD for so many tokens; the Batch API takes half."""
        whole = (
            prompt_tokens * self.price_per_million_input
            + completion_tokens * self.price_per_million_output
        )
        return whole / 1e6 / (2 if self.batch_api else 1)


@dataclass(frozen=True)
class SampleBackends:
    """`judges.instruction.samples`: the back end that judges the samples of each pool, so that what
    selects need not be what evaluates; null for the back end of the predictions.
    """

    reset: Backend | None
    reset_s: Backend | None


@dataclass(frozen=True)
class InstructionSettings:
    """`judges.instruction`: the back end of predictions, those of the pools' samples (null: the
    same for all), and the endpoint that the `openai` back ends ask (null where there is none of
    them).
    """

    backend: Backend
    samples: SampleBackends | None
    openai: OpenAISettings | None

    def __post_init__(self) -> None:
        chosen = {self.backend}
        if self.samples:
            chosen |= {self.samples.reset, self.samples.reset_s}
        asks = bool(chosen & PROMPTS.keys())
        if asks != (self.openai is not None):
            right = "an endpoint's settings" if asks else "null, because they would have no effect"
            raise InputError(
                f"judges.instruction: with backend {self.backend}, 'openai' must be {right}"
            )

    def judging(self, kind: str, name: str) -> Backend:
        """The back end for the samples of one pool, or for one run's predictions."""
        if kind == "samples" and self.samples:
            return getattr(self.samples, name) or self.backend
        return self.backend


def _plain(value: Any) -> Any:
    """A section of params as dicts, which JSON knows."""
    return (
        {key: _plain(entry) for key, entry in value.items()}
        if isinstance(value, Mapping)
        else value
    )


def check_ready(settings: InstructionSettings) -> None:
    """Raise InputError if the judge could not be asked: a paid endpoint without permission, or
    without a key.

    Makes no call and imports no client, so that it can be done before any sampling starts.
    """
    endpoint = settings.openai
    if endpoint is None:
        return
    parts = urlsplit(endpoint.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            f"judges.instruction.openai.base_url: {endpoint.base_url!r} is no http(s) address"
        )
    if endpoint.local:
        return
    if os.environ.get("RESET_ALLOW_PAID") != "1":
        raise InputError(
            f"the judge at {parts.hostname} may cost money: set RESET_ALLOW_PAID=1 to allow it"
            " (`make estimate` says how much), or use a local endpoint or"
            " judges.instruction.backend: rubric"
        )
    if not os.environ.get(endpoint.api_key_env, "").strip():
        raise InputError(
            f"the judge at {parts.hostname} needs a key: set the environment variable"
            f" {endpoint.api_key_env} (judges.instruction.openai.api_key_env)"
        )

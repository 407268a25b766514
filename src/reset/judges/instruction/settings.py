"""The settings of the judge of instruction following, and whether its endpoint can be asked."""

import ipaddress
import os
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from reset.core.errors import InputError
from reset.core.params import Count, Natural, NonNegative, Positive
from reset.core.redaction import environment_key

PROMPT = "prompts/judge_instruction.txt"
Backend = Literal["rubric", "rubric_coarse", "rouge_l", "scorer", "reward_model", "openai"]
OFFICIAL = "https://api.openai.com/v1"


@dataclass(frozen=True)
class OpenAISettings:
    """An OpenAI-compatible endpoint and what may be spent on it.

    `model` judges; the samples of a pool that `pool_models` names are judged by the model there
    instead (the paper has a weaker one for reset_s). The prices serve all models: set those of the
    dearest. `base_url` null is OpenAI's own; `{model}` in it stands for the model's name, for
    servers with an address for each (Azure's deployments). `token_limit_field`: the name under
    which `max_tokens` is sent; `temperature` null sends none. `api_key_env` names the environment
    variable that holds the key. `budget_usd` covers all calls recorded in the store, not one stage.
    `timeout` is the whole call's, in seconds. `retries`: extra tries of a call that failed;
    `parse_retries`: extra calls for a reply without a rating; `repeats`: ratings to take the median
    of. All of these send the same bytes again; at `temperature` 0 their replies differ only where
    the server does not repeat itself. `batch_api` sends the calls through the Batch API, slower and
    at half price. `extra_body`: fields to add to each request, such as vLLM's `structured_outputs`;
    null for none.
    """

    base_url: str | None
    model: str
    pool_models: dict[str, str]
    api_key_env: str
    concurrency: Count
    requests_per_minute: Count | None
    tokens_per_minute: Count | None
    price_per_million_input: NonNegative
    price_per_million_output: NonNegative
    budget_usd: NonNegative
    timeout: Positive
    retries: Natural
    parse_retries: Natural
    repeats: Count
    token_limit_field: Literal["max_tokens", "max_completion_tokens"]
    max_tokens: Count
    temperature: NonNegative | None
    batch_api: bool
    extra_body: dict[str, Any] | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "extra_body", _plain(self.extra_body))
        object.__setattr__(self, "pool_models", dict(self.pool_models))
        if self.batch_api and (self.requests_per_minute or self.tokens_per_minute):
            raise InputError(
                "judges.instruction.openai: requests_per_minute and tokens_per_minute have no"
                " effect with batch_api; set them to null"
            )

        self._check_address()

    def _check_address(self) -> None:
        """InputError for a base_url that is none, or that one model of several would reach."""
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
            usable = usable and parts.port != 0  # a port that is no number raises ValueError
        except ValueError:
            usable = False
        if not usable:
            raise InputError(
                f"judges.instruction.openai.base_url: expected an http(s) address, got"
                f" {self.base_url!r}"
            )
        one_address = "/deployments/" in self.url and "{model}" not in (self.base_url or "")
        if one_address and self.pool_models:
            raise InputError(
                "judges.instruction.openai: base_url names one deployment, so pool_models would"
                " change nothing; write {model} in its place: .../deployments/{model}?api-version=…"
            )

    def judging(self, kind: str, name: str) -> "OpenAISettings":
        """These settings with the model that judges one pool's samples or one run's predictions."""
        if kind != "samples":
            return self
        return replace(self, model=self.pool_models.get(name, self.model))

    @property
    def models(self) -> list[str]:
        """The name of every model that judges anything, each once."""
        return list(dict.fromkeys([self.model, *self.pool_models.values()]))

    @property
    def url(self) -> str:
        """The address that calls go to, with the model's name filled in."""
        return (self.base_url or OFFICIAL).replace("{model}", quote(self.model, safe=""))

    @property
    def endpoint(self) -> str:
        """The address in one spelling, by which replies of different servers are kept apart. The
        API's version is left out: a newer one reaches the same model.
        """
        parts = urlsplit(self.url)
        default = {"http": 80, "https": 443}.get(parts.scheme)
        port = f":{parts.port}" if parts.port not in (None, default) else ""
        query = [pair for pair in parse_qsl(parts.query) if pair[0] != "api-version"]
        address = f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"
        return address + (f"?{urlencode(sorted(query))}" if query else "")

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
        return environment_key(self.api_key_env) or "none"

    def price(self, prompt_tokens: float, completion_tokens: float) -> float:
        """USD for so many tokens; the Batch API costs half."""
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
class RewardSettings:
    """`judges.instruction.reward`: how models.reward is run. `batch_tokens`: tokens of one batch,
    padding included; `devices`: auto (every visible GPU, or the CPU) or names with commas.
    """

    precision: Literal["fp32", "bf16"]
    batch_tokens: Count
    devices: str


@dataclass(frozen=True)
class InstructionSettings:
    """`judges.instruction`: the back end of predictions, those of the pools' samples (null: the
    same for all), the file with the prompt of back end `openai`, the endpoint that it asks (null
    where it is not in use), and how the back end `reward_model` is run.
    """

    prompt: str
    backend: Backend
    samples: SampleBackends | None
    openai: OpenAISettings | None
    reward: RewardSettings | None = None

    def __post_init__(self) -> None:
        if "reward_model" in self.chosen and self.reward is None:
            raise InputError(
                "judges.instruction.reward: expected settings for backend reward_model, got null"
            )
        if self.asks != (self.openai is not None):
            right = (
                "an endpoint's settings" if self.asks else "null, because they would have no effect"
            )
            raise InputError(
                f"judges.instruction: with backend {self.backend}, 'openai' must be {right}"
            )

    @property
    def chosen(self) -> list[Backend]:
        """The back ends in use, each once."""
        chosen = [self.backend]
        if self.samples:
            chosen += [self.samples.reset or self.backend, self.samples.reset_s or self.backend]
        return list(dict.fromkeys(chosen))

    @property
    def asks(self) -> bool:
        """Whether anything is judged by the endpoint."""
        return "openai" in self.chosen

    def judging(self, kind: str, name: str) -> Backend:
        """The back end for the samples of one pool, or for one run's predictions."""
        if kind == "samples" and self.samples:
            return getattr(self.samples, name) or self.backend
        return self.backend


def _plain(value: Any) -> Any:
    """A section of params as dicts, which JSON knows."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return value


def check_ready(settings: InstructionSettings) -> None:
    """Raise InputError if the judge could not be asked: a paid endpoint without permission, or
    without a key.

    Makes no call and imports no client, so that it can be done before any sampling starts.
    """
    endpoint = settings.openai
    if endpoint is None or endpoint.local:
        return
    host = urlsplit(endpoint.url).hostname or ""
    _check_proxies(host)
    if os.environ.get("RESET_ALLOW_PAID") != "1":
        raise InputError(
            f"the judge at {host} may cost money: set RESET_ALLOW_PAID=1 to allow it"
            " (`make estimate` says how much), or use a local endpoint or"
            " judges.instruction.backend: rubric"
        )
    if environment_key(endpoint.api_key_env) is None:
        raise InputError(
            f"the judge at {host} needs a key: set the environment variable"
            f" {endpoint.api_key_env} (judges.instruction.openai.api_key_env)"
        )


def _check_proxies(host: str) -> None:
    """InputError for a proxy in the environment that the client cannot go through to `host`."""
    if urllib.request.proxy_bypass(host):
        return
    proxies = urllib.request.getproxies()
    for name in ("http", "https", "all"):
        scheme = urlsplit(proxies.get(name, "http://")).scheme
        if scheme not in ("http", "https"):
            variable = f"{name.upper()}_PROXY"
            raise InputError(
                f"{variable} names a {scheme} proxy, and the judge's client goes through HTTP"
                f" proxies alone: set HTTPS_PROXY to one and unset {variable}, or add {host} to"
                " NO_PROXY"
            )

"""The settings that one engine alone has. Beside the engines, so that checking them loads no model
library.
"""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import MinLen

from reset.core.params import Count, Natural, Positive, Share


@dataclass(frozen=True)
class VllmOptions:
    """`sampling.vllm`. `memory`: share of each GPU's memory (the CPU build reads
    VLLM_CPU_KVCACHE_SPACE, in GB).
    """

    tensor_parallel: Count
    memory: Share
    request_seeds: bool
    enforce_eager: bool  # no CUDA graphs: a quicker start, slower answers


@dataclass(frozen=True)
class OpenAIEngineOptions:
    """`sampling.openai`. `request_seeds` false sends no seeds (vLLM's CPU build crashes on
    per-request seeds): such samples cannot be drawn again, only kept. `timeout` is in seconds a
    call, `retries` are extra tries of a call that failed.
    """

    base_urls: Annotated[list[str], MinLen(1)]
    api_key_env: str
    concurrency: Count  # prompts under way a server
    request_seeds: bool
    timeout: Positive
    retries: Natural

"""The settings that one engine alone has. Beside the engines, so that checking them loads no model
library.
"""

from dataclasses import dataclass

from reset.core.errors import InputError


@dataclass(frozen=True)
class VllmOptions:
    """`sampling.vllm`. `memory`: share of each GPU's memory (the CPU build reads
    VLLM_CPU_KVCACHE_SPACE, in GB).
    """

    tensor_parallel: int
    memory: float
    request_seeds: bool
    enforce_eager: bool  # no CUDA graphs: a quicker start, slower answers


@dataclass(frozen=True)
class OpenAIEngineOptions:
    """`sampling.openai`. `request_seeds` false sends no seeds (vLLM's CPU build crashes on
    per-request seeds): such samples cannot be drawn again, only kept. `timeout` is in seconds a
    call, `retries` are extra tries of a call that failed.
    """

    base_urls: list[str]
    api_key_env: str
    concurrency: int  # prompts under way a server
    request_seeds: bool
    timeout: float
    retries: int

    def __post_init__(self) -> None:
        if not self.base_urls or self.concurrency < 1:
            raise InputError(
                "params.yaml: 'sampling.openai' needs one base URL and a concurrency of 1 at least"
            )

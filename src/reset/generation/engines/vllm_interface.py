"""Whether the installed vLLM still has what the engine calls, asked before a model is loaded.

vLLM promises no interface from one minor version to the next. Later versions than FIRST are taken
where every name below is still there; what the names do is theirs to keep.
"""

import inspect
from types import ModuleType
from typing import Any

from reset.core.errors import InputError

FIRST = (0, 32)
# name of the package -> parameters that the engine gives it by name
KEYWORDS = {
    "EngineArgs": (
        "model", "dtype", "seed", "max_model_len", "tensor_parallel_size",
        "gpu_memory_utilization", "enforce_eager", "enable_prefix_caching", "block_size",
        "generation_config",
    ),
    "SamplingParams": (
        "temperature", "top_k", "seed", "stop_token_ids", "detokenize", "max_tokens",
        "output_kind",
    ),
}  # fmt: skip
# methods of vllm.LLMEngine -> parameters that the engine gives by place
METHODS = {
    "add_request": ("request_id", "prompt", "params"),
    "has_unfinished_requests": (),
    "step": (),
}


def check_interface(vllm: ModuleType) -> None:
    """InputError for a package that is older than FIRST or lacks something that the engine uses."""
    first = ".".join(map(str, FIRST))
    advice = f"pip install vllm=={first}.0, or set sampling.engine: transformers"
    if _minor(vllm.__version__) < FIRST:
        raise InputError(
            f"vllm {vllm.__version__} is installed, expected {first} or later: {advice}"
        )
    if lacking := _lacking(vllm):
        raise InputError(
            f"vllm {vllm.__version__} has no {', '.join(lacking)}, which this engine uses: {advice}"
        )


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def _lacking(vllm: ModuleType) -> list[str]:
    found = []
    for name, keywords in KEYWORDS.items():
        known = _parameters(getattr(vllm, name, None))
        found += [f"{name}({keyword})" for keyword in keywords if keyword not in known]
    engine = getattr(vllm, "LLMEngine", None)
    for name, places in METHODS.items():
        method = getattr(engine, name, None)
        given = _parameters(method)[1 : 1 + len(places)]  # behind self
        if method is None or tuple(given) != places:
            found.append(f"LLMEngine.{name}({', '.join(places)})")
    return found


def _parameters(thing: Any) -> list[str]:
    """The names of a callable's parameters in order, none where there is no such callable."""
    return list(inspect.signature(thing).parameters) if callable(thing) else []

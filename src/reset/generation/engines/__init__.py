"""Engines: one interface over the programs that write answers. A new engine is one file and one
entry in `load`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from reset.core.params import Count
from reset.generation.decoding import Request


@dataclass(frozen=True)
class EngineSettings:
    """The section `sampling` as far as it says *where and how* answers are computed; `predict` has
    the same.
    """

    engine: Literal["transformers", "vllm", "openai"]
    precision: Literal["fp32", "bf16"]
    # transformers: rows x (prompt + answer) tokens of one batch; rounding, so answers, depend on it
    batch_tokens: Count
    workers: Count  # processes that share the prompts, one a GPU
    vllm: dict[str, Any] | None  # see vllm_engine.Options; null where the engine is another
    openai: dict[str, Any] | None  # see openai_engine.Options

    @property
    def identity(self) -> list[Any]:
        """What of this an answer depends on. The rest is how fast it comes, and by whom; where it
        takes part at all, it is by rounding.
        """
        options = {"vllm": self.vllm, "openai": self.openai}.get(self.engine) or {}
        return [self.engine, self.precision, options.get("request_seeds")]


class Answer(NamedTuple):
    """One answer: its text without special tokens, its number of tokens without EOS, and why it
    ended.
    """

    text: str
    tokens: int
    finish: str  # "eos" or "length"


Batch = list[Request]
Finished = list[tuple[Request, list[Answer]]]  # answers stand in the order of the request's draws


class Engine(Protocol):
    """What `reset.generation.generate` needs. Making an engine is cheap: the model is loaded at the
    first call of `run`. `longest`: tokens of the longest prompt of the whole run; `plan` finds it,
    and whoever runs a share of the batches is given it.
    """

    longest: int

    def plan(self, requests: list[Request]) -> list[Batch]:
        """Batches that hold each request once. They depend on the requests as a set, so that a
        resumed run computes the same batches; raises InputError naming the id of a prompt that
        leaves no room for an answer.
        """

    def run(self, batches: Iterable[Batch]) -> Iterator[Finished]:
        """Answer the batches; yields requests as they are finished, never a part of a request."""


def load(model: Path, settings: EngineSettings, max_new_tokens: int) -> Engine:
    """The engine that `sampling.engine` names, for the model folder `model`."""
    if settings.engine == "vllm":
        from reset.generation.engines.vllm_engine import VllmEngine

        return VllmEngine(model, settings, max_new_tokens)
    if settings.engine == "openai":
        from reset.generation.engines.openai_engine import OpenAIEngine

        return OpenAIEngine(model, settings, max_new_tokens)
    from reset.generation.engines.transformers_engine import TransformersEngine

    return TransformersEngine(model, settings, max_new_tokens)

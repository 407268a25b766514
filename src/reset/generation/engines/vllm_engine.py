"""Answers by vLLM: every draw of every prompt is one request of a single stream, so the engine
stays full.

Prefix caching runs each prompt once for all its draws. With a seed a request (CUDA) an answer
depends on its draw and, through rounding alone, on the requests beside it; vLLM promises no equal
bits over batches or versions. The CPU build crashes on per-request seeds: there the whole engine
has one, and samples differ from run to run. What was sampled is stored.
"""

import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from reset.core import params
from reset.core.errors import InputError
from reset.core.hashing import digest
from reset.generation.decoding import Draw, Request
from reset.generation.engines import Answer, Batch, EngineSettings, Finished
from reset.generation.engines.options import VllmOptions
from reset.generation.engines.tokenized_prompts import TokenizedPrompts, ended
from reset.generation.engines.vllm_interface import check_interface

DTYPES = {"fp32": "float32", "bf16": "bfloat16"}


class VllmEngine:
    """See `reset.generation.engines.Engine`."""

    def __init__(self, model: Path, settings: EngineSettings, max_new_tokens: int):
        if settings.vllm is None:
            raise InputError("params.yaml: 'sampling.vllm' is null, but 'sampling.engine' is vllm")
        self.folder, self.dtype = model, DTYPES[settings.precision]
        self.options = params.build(VllmOptions, settings.vllm, "sampling.vllm")
        self.prompts = TokenizedPrompts(model, max_new_tokens)
        self.seed = self.longest = 0

    def plan(self, requests: list[Request]) -> list[Batch]:
        """One request a batch: vLLM itself decides what runs together."""
        self.prompts.encode(requests)
        self.longest = max(map(len, self.prompts.ids.values()), default=0)
        return [[request] for request in requests]

    @cached_property
    def llm(self) -> Any:
        """vLLM with the model, and with room for the longest prompt and its answer: the whole
        window of a long-window model may not fit into memory. All workers give the same room, and
        so find what one of them has compiled: vLLM keeps it by this number.
        """
        # in this process: an engine in a process of its own outlives a killed stage and keeps the
        # GPU's memory
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        try:
            import vllm
            from vllm.platforms import current_platform
        except ImportError as error:
            raise InputError(
                f"sampling.engine is vllm, which cannot be imported ({error}): install it (see"
                " docs/a100.md), or set sampling.engine: transformers"
            ) from None
        check_interface(vllm)
        if current_platform.is_cpu() and self.options.request_seeds:
            raise InputError(
                "params.yaml: vLLM's CPU build crashes on per-request seeds; set"
                " sampling.vllm.request_seeds: false"
            )
        try:
            return vllm.LLM(
                model=str(self.folder),
                dtype=self.dtype,
                seed=self.seed,
                max_model_len=self.longest + self.prompts.max_new_tokens,
                tensor_parallel_size=self.options.tensor_parallel,
                gpu_memory_utilization=self.options.memory,
                enforce_eager=self.options.enforce_eager,
                enable_prefix_caching=True,
                # only whole blocks are shared: not 128 tokens
                block_size=32 if current_platform.is_cpu() else None,
                generation_config="vllm",  # none of the model folder's own sampling defaults
            )
        except (RuntimeError, ValueError) as error:
            # pydantic says what is wrong in line 3
            said = " ".join(str(error).split())[:600] or type(error).__name__
            raise InputError(
                f"vllm cannot load {self.folder}: {said} (see sampling.vllm, sampling.precision)"
            ) from None

    def run(self, batches: Iterable[Batch]) -> Iterator[Finished]:
        requests = [request for batch in batches for request in batch]
        self.prompts.encode(requests)
        drawn = []
        for request in requests:
            drawn.append([request.id, [draw.seed for draw in request.draws]])
        self.seed = int(digest(drawn), 16) >> 33  # differs by worker
        engine = self.llm.llm_engine
        found: dict[str, dict[Any, Answer]] = {request.id: {} for request in requests}
        asked: dict[str, tuple[Request, Draw]] = {}
        for request in requests:
            for draw in request.distinct:
                name = str(len(asked))
                asked[name] = (request, draw)
                ids = self.prompts.ids[request.id]
                engine.add_request(name, {"prompt_token_ids": ids}, self._sampling(draw))
        while engine.has_unfinished_requests():
            for output in engine.step():
                if not output.finished:
                    continue
                request, draw = asked.pop(output.request_id)
                answers = found[request.id]
                answers[draw.key] = self._read(output.outputs[0], request, draw)
                if len(answers) == len(request.distinct):
                    del found[request.id]
                    yield [(request, [answers[draw.key] for draw in request.draws])]

    def _sampling(self, draw: Draw) -> Any:
        import vllm
        from vllm.sampling_params import RequestOutputKind

        how: dict[str, Any] = {"temperature": 0.0}
        if not draw.setting.greedy:
            seed = draw.seed if self.options.request_seeds else None
            how = {
                "temperature": draw.setting.temperature,
                "top_k": draw.setting.top_k or -1,
                "seed": seed,
            }
        how |= {"stop_token_ids": self.prompts.stops, "detokenize": False}
        return vllm.SamplingParams(
            max_tokens=self.prompts.max_new_tokens, output_kind=RequestOutputKind.FINAL_ONLY, **how
        )

    def _read(self, output: Any, request: Request, draw: Draw) -> Answer:
        stopped = ended(output.finish_reason, f"prompt '{request.id}', sample {draw.sample}")
        # the token that ended it stands last
        ids = output.token_ids[:-1] if stopped else output.token_ids
        return self.prompts.answer(list(ids), stopped)

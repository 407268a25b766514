"""Answers by a plain decode loop over a transformers model: all settings of a prompt share its
prefill.

Each prompt runs through the model once; its cache is then repeated over the rows, one a setting,
and every row has its own temperature, top-k and random stream. Works for any causal model with a
standard cache (Llama, Qwen, Gemma, Mistral, ...), of keys and values or of states, on one device.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from reset.core.errors import InputError
from reset.generation.decoding import Draw, Request
from reset.generation.engines import Answer, Batch, EngineSettings, Finished, grouped_attention
from reset.generation.engines.token_sampler import TokenSampler
from reset.generation.engines.tokenized_prompts import TokenizedPrompts

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class TransformersEngine:
    """One model folder on one device; see `reset.generation.engines.Engine`."""

    def __init__(self, model: Path, settings: EngineSettings, max_new_tokens: int):
        self.folder, self.dtype = model, DTYPES[settings.precision]
        self.batch_tokens = settings.batch_tokens
        self.prompts = TokenizedPrompts(model, max_new_tokens)
        self.longest = 0  # batches have the room that their own prompts need

    @cached_property
    def model(self) -> Any:
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        device = "cuda" if torch.cuda.is_available() else "cpu"
        logging.disable_progress_bar()  # the stage shows its own
        model: Any = AutoModelForCausalLM.from_pretrained(self.folder, dtype=self.dtype)
        grouped_attention.install(model)
        return model.to(device).eval()

    def plan(self, requests: list[Request]) -> list[Batch]:
        """Longest first, prompts of like length together, rows x tokens within `batch_tokens` (one
        prompt at least).
        """
        self.prompts.encode(requests)
        batches: list[Batch] = []
        rows = width = 0
        for request in sorted(requests, key=lambda r: (-len(self.prompts.ids[r.id]), r.id)):
            distinct = len(request.distinct)
            if not batches or (rows + distinct) * width > self.batch_tokens:
                batches.append([])
                rows, width = 0, len(self.prompts.ids[request.id]) + self.prompts.max_new_tokens
            batches[-1].append(request)
            rows += distinct
        return batches

    def run(self, batches: Iterable[Batch]) -> Iterator[Finished]:
        for batch in batches:
            self.prompts.encode(batch)
            yield from self._within_memory(batch)

    def _within_memory(self, batch: Batch) -> Iterator[Finished]:
        """Answer one batch; when memory runs out, halve the budget and go on with parts of the
        batch.
        """
        for part in self.plan(batch):
            try:
                answers = self._answer(part)
            except torch.OutOfMemoryError:
                # recover outside the handler, where the failed call's tensors are free
                answers = None
            if answers is not None:
                yield list(zip(part, answers, strict=True))
                continue
            if len(part) == 1:
                yield [(part[0], self._by_halves(part[0]))]
                continue
            self.batch_tokens = min(self.batch_tokens, self._cost(part)) // 2
            yield from self._within_memory(part)

    def _cost(self, batch: Batch) -> int:
        longest = max(len(self.prompts.ids[request.id]) for request in batch)
        width = longest + self.prompts.max_new_tokens
        return width * sum(len(request.distinct) for request in batch)

    def _by_halves(self, request: Request) -> list[Answer]:
        """The draws of one prompt in two parts, and so on, until they fit in memory."""
        middle = len(request.draws) // 2
        if not middle:
            raise InputError(
                f"prompt '{request.id}': one answer alone does not fit in the device's memory"
            )
        answers: list[Answer] = []
        for draws in (request.draws[:middle], request.draws[middle:]):
            half = replace(request, draws=draws)
            try:
                answers += self._answer([half])[0]
                continue
            except torch.OutOfMemoryError:
                pass
            answers += self._by_halves(half)
        return answers

    def _answer(self, batch: Batch) -> list[list[Answer]]:
        """Answers of each request, in the order of its draws; equal draws are computed once."""
        distinct = [request.distinct for request in batch]
        owner = [number for number, draws in enumerate(distinct) for _ in draws]
        prompts = [self.prompts.ids[request.id] for request in batch]
        rows = iter(self._decode(prompts, owner, [draw for draws in distinct for draw in draws]))
        answers = []
        for request, draws in zip(batch, distinct, strict=True):
            found = {draw.key: self.prompts.answer(*next(rows)) for draw in draws}
            answers.append([found[draw.key] for draw in request.draws])
        return answers

    @torch.inference_mode()
    def _decode(
        self, prompts: list[list[int]], owner: list[int], draws: list[Draw]
    ) -> list[tuple[list[int], bool]]:
        """Token ids (without EOS) of each draw, and whether EOS ended it; `owner` is the prompt of
        each draw.
        """
        from transformers import DynamicCache

        device = self.model.device
        width, longest = max(map(len, prompts)), self.prompts.max_new_tokens
        # left padding
        ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
        # rows are selected by reorder_cache: layers with a state (linear attention) have no other
        cache: Any = DynamicCache(config=self.model.config)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        logits = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            logits_to_keep=1,
        ).logits[:, -1]

        rows = torch.tensor(owner, device=device)  # from here on one row a draw
        cache.reorder_cache(rows)
        logits, mask, positions = logits[rows], mask[rows], positions[rows, -1]
        sampler = TokenSampler(draws, device)
        stops = torch.tensor(self.prompts.stops, device=device)
        written = torch.zeros(len(owner), longest, dtype=torch.long, device=device)
        length = torch.full((len(owner),), longest, device=device)
        ended = torch.zeros(len(owner), dtype=torch.bool, device=device)
        # the draw that each row of the cache belongs to
        alive = torch.arange(len(owner), device=device)
        for step in range(longest):
            tokens = sampler.choose(logits, step)
            written[alive, step] = tokens
            stop = torch.isin(tokens, stops) & ~ended[alive]
            length[alive[stop]] = step
            ended[alive[stop]] = True
            going = ~ended[alive]
            count = int(going.sum())
            if not count or step + 1 == longest:
                break
            positions = positions + 1
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            # dropping rows copies the cache, which pays when many have ended
            if count <= len(alive) * 0.75:
                keep = going.nonzero()[:, 0]
                cache.reorder_cache(keep)
                tokens, mask, positions = tokens[keep], mask[keep], positions[keep]
                alive, sampler = alive[keep], sampler[keep]
            logits = self.model(
                input_ids=tokens[:, None],
                attention_mask=mask,
                position_ids=positions[:, None],
                past_key_values=cache,
            ).logits[:, -1]
        lengths, ends = length.tolist(), ended.tolist()
        return [(row[:n], end) for row, n, end in zip(written.tolist(), lengths, ends, strict=True)]

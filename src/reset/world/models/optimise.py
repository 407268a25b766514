"""The training loop of the demo's models."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from tqdm import tqdm

if TYPE_CHECKING:
    import torch


class Rates(Protocol):
    """What a recipe says of the loop: its steps, and the highest rates of Muon and AdamW."""

    @property
    def steps(self) -> int: ...
    @property
    def muon(self) -> float: ...
    @property
    def adamw(self) -> float: ...


def optimise(
    model: torch.nn.Module,
    matrices: Sequence[torch.nn.Parameter],
    recipe: Rates,
    loss: Callable[[], torch.Tensor],
    name: str,
) -> None:
    """Train in place: Muon for `matrices`, AdamW for the other parameters, both with a short
    warm-up and a cosine to zero. `loss` draws the next batch and returns its loss; `name` labels
    the progress bar.
    """
    import torch

    muon = set(matrices)
    others = [p for p in model.parameters() if p.requires_grad and p not in muon]
    if torch.backends.cpu.get_cpu_capability() != "AVX512":
        torch.optim._muon._zeropower_via_newtonschulz = newton_schulz
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Muon(matrices, lr=recipe.muon, weight_decay=0.0),
        torch.optim.AdamW(others, lr=recipe.adamw, weight_decay=0.0),
    ]
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(o, lambda step: cosine(step, recipe.steps))
        for o in optimizers
    ]
    model.train()
    for _ in tqdm(range(recipe.steps), desc=name, unit="step"):
        loss().backward()
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    model.eval()


def newton_schulz(
    grad: torch.Tensor, ns_coefficients: tuple[float, float, float], ns_steps: int, eps: float
) -> torch.Tensor:
    """Muon's orthogonalisation in fp32. PyTorch's own computes in bf16, which a CPU without AVX-512
    does in software: eighty times as slow.
    """
    a, b, c = ns_coefficients
    wide = grad if grad.size(0) <= grad.size(1) else grad.T
    wide = wide / wide.norm().clamp(min=eps)
    for _ in range(ns_steps):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide if grad.size(0) <= grad.size(1) else wide.T


def cosine(step: int, steps: int, warmup: int = 20) -> float:
    """The share of the highest rate at `step`: a linear warm-up, then half a cosine down to
    zero.
    """
    return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * step / steps))

"""What `auto` in train.shared stands for on this device: chosen once, before the model is loaded.

All processes choose alike, since they see equal devices: a choice follows from the device's whole
memory and not from what is free on it now.
"""

import dataclasses
import importlib.util
import itertools
from collections.abc import Sequence
from typing import Any

from reset.tokens.encoding import Example
from reset.training import footprint
from reset.training.devices import Device
from reset.training.model_size import Size
from reset.training.settings import Job, SharedSettings

AUTO = "auto"
# Share of a device's memory to fill: the rest is for the allocator's gaps, communication and what
# the forecast does not count.
FILL = 0.85
# Families whose attention stays inside a row of packed rows, by the configuration's model_type.
APART = (
    "gemma",
    "gemma2",
    "gemma3_text",
    "gpt_neox",
    "llama",
    "mistral",
    "phi",
    "phi3",
    "qwen2",
    "qwen3",
    "smollm3",
    "starcoder2",
)
# Those of them whose kernels liger-kernel replaces.
FUSED = ("gemma", "gemma2", "gemma3_text", "llama", "mistral", "qwen2", "qwen3")


def resolve(job: Job, model: Size, device: Device, train: Sequence[Example], processes: int) -> Job:
    """`job` with a value in place of each `auto`.

    Kernels of Liger and packed rows on a GPU, where package and model allow; then the largest
    micro-batch that fits without gradient checkpointing, or with it where not one row fits without.
    """
    shared = job.shared
    if shared.liger == AUTO:
        fused = device.on_gpu and model.kind in FUSED
        installed = importlib.util.find_spec("liger_kernel") is not None
        shared = dataclasses.replace(shared, liger=fused and installed)
    if shared.packing == AUTO:
        apart = device.on_gpu and model.kind in APART
        shared = dataclasses.replace(shared, packing=apart)
    if AUTO in (shared.micro_batch, shared.gradient_checkpointing):
        shared = _fit(shared, model, device, train, processes, job.recipe.batch // processes)
    return dataclasses.replace(job, shared=shared)


def _fit(
    shared: SharedSettings, model: Size, device: Device, train: Sequence[Example], processes: int,
    rows: int,
) -> SharedSettings:  # fmt: skip
    """The first of the candidates that fits, else the last, which needs the least."""
    states = footprint.states(model, shared, processes)[footprint.mode(shared)]
    room = FILL * device.memory - states
    longest = footprint.longest(train)
    for candidate in _candidates(shared, rows):
        micro = min(int(candidate.micro_batch), rows)
        needed = footprint.activations(model, candidate, micro, *longest)
        if needed <= room:
            break
    return candidate


def _candidates(shared: SharedSettings, rows: int) -> list[SharedSettings]:
    """Settings to try, the fastest first: no checkpointing before some, large micro-batches before
    small ones.
    """
    again: list[Any] = [shared.gradient_checkpointing]
    if shared.gradient_checkpointing == AUTO:
        again = [False, True]
    sizes: list[Any] = [shared.micro_batch]
    if shared.micro_batch == AUTO:
        sizes = [size for size in range(rows, 0, -1) if rows % size == 0]
    return [
        dataclasses.replace(shared, gradient_checkpointing=checkpointing, micro_batch=size)
        for checkpointing, size in itertools.product(again, sizes)
    ]

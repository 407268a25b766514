"""The best weights so far in main memory, until a checkpoint writes them.

Most evaluations of a run are better than the one before. To gather and write a large model at each
would take hours, and only the last of them counts.
"""

from collections.abc import Iterator
from typing import Any

import torch


class BestWeights:
    """Copies of a model's trained weights at one `step`, None while there are none.

    Under ZeRO-3 each process holds its own shards; else the process that leads holds them whole.
    """

    def __init__(self, model: Any, leads: bool):
        self.model, self.leads = model, leads
        self.step: int | None = None
        self.copies: list[torch.Tensor] = []

    def take(self, step: int) -> None:
        """Copy the weights as they are now."""
        self.copies = [tensor.to("cpu", copy=True) for tensor in self._tensors()]
        self.step = step

    def exchange(self) -> None:
        """Put the copies into the model and its weights into the copies; twice leaves all as it
        was. Under ZeRO-3 no parameter may be gathered meanwhile: it would be read instead of its
        shards.
        """
        for tensor, copy in zip(self._tensors(), self.copies, strict=True):
            current = tensor.to("cpu", copy=True)
            tensor.copy_(copy)
            copy.copy_(current)

    def drop(self) -> None:
        """Forget the copies."""
        self.step, self.copies = None, []

    def _tensors(self) -> Iterator[torch.Tensor]:
        for parameter in self.model.parameters():
            if not parameter.requires_grad:
                continue
            if hasattr(parameter, "ds_tensor"):
                yield parameter.ds_tensor.data
            elif self.leads:
                yield parameter.data

"""How one token is drawn from logits: temperature, top-k and a random stream for each row of a
batch.
"""

from typing import Any

import torch

from reset.generation.decoding import Draw


class TokenSampler:
    """Temperature, top-k and random stream of each row, and the one place where they act on
    logits.
    """

    def __init__(self, draws: list[Draw], device: Any):
        greedy = [draw.setting.greedy for draw in draws]
        self.greedy = torch.tensor(greedy, device=device)
        heat = [
            1.0 if cold else draw.setting.temperature
            for cold, draw in zip(greedy, draws, strict=True)
        ]
        self.temperature = torch.tensor(heat, device=device)
        limits = [draw.setting.top_k or 0 for draw in draws]
        self.top_k = torch.tensor(limits, device=device)  # 0: off
        self.seed = torch.tensor([draw.seed for draw in draws], device=device)

    def __getitem__(self, rows: torch.Tensor) -> "TokenSampler":
        part = object.__new__(TokenSampler)
        part.__dict__ = {name: values[rows] for name, values in self.__dict__.items()}
        return part

    def choose(self, logits: torch.Tensor, step: int) -> torch.Tensor:
        """One token a row from logits (rows x vocabulary): the largest, or the inverse of the
        distribution function at the row's uniform number. A row's token depends on its logits, seed
        and step alone.
        """
        if bool(self.greedy.all()):
            return logits.argmax(-1)
        scores = logits.float() / self.temperature[:, None]
        limited = (self.top_k > 0).nonzero()[:, 0]
        if len(limited):
            k = self.top_k[limited].clamp(max=scores.shape[-1])
            part = scores[limited]
            least = part.topk(int(k.max())).values.gather(1, k[:, None] - 1)
            scores[limited] = part.masked_fill(part < least, -torch.inf)
        tokens = invert(scores.softmax(-1), uniform(self.seed, step))
        tokens[self.greedy] = logits[self.greedy].argmax(-1)
        return tokens


def invert(probs: torch.Tensor, number: torch.Tensor, block: int = 256) -> torch.Tensor:
    """The first column of each row whose cumulated probability exceeds `number` (in [0, 1)) times
    the row's whole.

    First the block of columns is found, then the column in it: a cumulated sum over a whole
    vocabulary in double precision, which rounding needs, would cost more than many a model's
    forward pass.
    """
    if missing := -probs.shape[-1] % block:
        probs = torch.nn.functional.pad(probs, (0, missing))
    blocks = probs.view(len(probs), -1, block)
    block_sums = blocks.sum(-1).double()
    cumulative = block_sums.cumsum(-1)
    threshold = number[:, None] * cumulative[:, -1:]
    last = cumulative.shape[-1] - 1
    chosen = torch.searchsorted(cumulative, threshold, right=True).clamp(max=last)
    inside = blocks.gather(1, chosen[:, :, None].expand(-1, -1, block))[:, 0].cumsum(
        -1, dtype=torch.float64
    )
    rest = (threshold - (cumulative - block_sums).gather(1, chosen)).clamp(min=0)
    # rounding must not step over the block's last token
    rest = torch.minimum(rest, inside[:, -1:] * (1 - 1e-12))
    return (chosen * block + torch.searchsorted(inside, rest, right=True))[:, 0]


def uniform(seed: torch.Tensor, step: int) -> torch.Tensor:
    """A number in [0, 1) for each int64 seed and step, by SplitMix64 (Steele, Lea and Flood 2014).

    A counter in place of a generator a row: all rows in a few tensor operations, and no state to
    keep or to order.
    """
    # wraps; the golden ratio's 64 bits, signed
    z = seed + torch.full_like(seed, step + 1) * -7046029254386353131
    z = (z ^ _shift(z, 30)) * -4658895280553007687
    z = (z ^ _shift(z, 27)) * -7723592293110705685
    return _shift(z ^ _shift(z, 31), 11).double() * 2.0**-53


def _shift(z: torch.Tensor, bits: int) -> torch.Tensor:
    """Logical right shift of int64."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)

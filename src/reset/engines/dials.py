"""How one token is drawn from logits: temperature, top-k and a random stream for each row of a batch."""

from typing import Any

import torch

from reset.decoding import Draw


class Dials:
    """Temperature, top-k and random stream of each row, and the one place where they act on logits."""

    def __init__(self, draws: list[Draw], device: Any):
        greedy = [draw.setting.greedy for draw in draws]
        self.greedy = torch.tensor(greedy, device=device)
        heat = [1.0 if cold else draw.setting.temperature for cold, draw in zip(greedy, draws, strict=True)]
        self.temperature = torch.tensor(heat, device=device)
        self.top_k = torch.tensor([draw.setting.top_k or 0 for draw in draws], device=device)  # 0: off
        self.seed = torch.tensor([draw.seed for draw in draws], device=device)

    def __getitem__(self, rows: torch.Tensor) -> "Dials":
        part = object.__new__(Dials)
        part.__dict__ = {name: values[rows] for name, values in self.__dict__.items()}
        return part

    def choose(self, logits: torch.Tensor, step: int) -> torch.Tensor:
        """One token a row from logits (rows x vocabulary): the largest, or the inverse of the distribution function
        at the row's uniform number. A row's token depends on its logits, seed and step alone."""
        best = logits.argmax(-1)
        if bool(self.greedy.all()):
            return best
        scores = logits.float() / self.temperature[:, None]
        limited = (self.top_k > 0).nonzero()[:, 0]
        if len(limited):
            k = self.top_k[limited].clamp(max=scores.shape[-1])
            part = scores[limited]
            least = part.topk(int(k.max())).values.gather(1, k[:, None] - 1)
            scores[limited] = part.masked_fill(part < least, -torch.inf)
        mass = scores.softmax(-1).cumsum(-1, dtype=torch.float64)
        point = uniform(self.seed, step)[:, None] * mass[:, -1:]
        drawn = torch.searchsorted(mass, point, right=True)[:, 0]
        return torch.where(self.greedy, best, drawn)


def uniform(seed: torch.Tensor, step: int) -> torch.Tensor:
    """A number in [0, 1) for each int64 seed and step, by SplitMix64 (Steele, Lea and Flood 2014).

    A counter in place of a generator a row: all rows in a few tensor operations, and no state to keep or to order.
    """
    z = seed + torch.full_like(seed, step + 1) * -7046029254386353131  # wraps; the golden ratio's 64 bits, signed
    z = (z ^ _shift(z, 30)) * -4658895280553007687
    z = (z ^ _shift(z, 27)) * -7723592293110705685
    return _shift(z ^ _shift(z, 31), 11).double() * 2.0**-53


def _shift(z: torch.Tensor, bits: int) -> torch.Tensor:
    """Logical right shift of int64."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)

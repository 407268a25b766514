"""Which answers are drawn for a prompt: the grid of decoding settings, and a seed of its own for
each draw.
"""

import random
from dataclasses import dataclass

from reset.core.errors import InputError
from reset.core.hashing import digest
from reset.core.io import Row
from reset.core.params import Count, NonNegative


@dataclass(frozen=True)
class Setting:
    """How one answer is decoded. `temperature` 0 or `top_k` 1 is greedy; `top_k` None leaves top-k
    off.
    """

    temperature: float
    top_k: int | None = None

    @property
    def greedy(self) -> bool:
        return self.temperature == 0 or self.top_k == 1

    def row(self) -> Row:
        """The column `setting` of a generation."""
        if self == GREEDY:
            return {"greedy": True}
        return {"temperature": self.temperature, "top_k": self.top_k}


GREEDY = Setting(temperature=0.0)


@dataclass(frozen=True)
class Draw:
    """One answer to draw: `sample` is its 0-based number within the prompt, `seed` a number in [0,
    2^63).
    """

    sample: int
    setting: Setting
    seed: int

    @property
    def key(self) -> tuple[float, int | None, int]:
        """Draws of one prompt with equal keys have the same answer, which is computed once."""
        if self.setting.greedy:
            return 0.0, None, 0
        return self.setting.temperature, self.setting.top_k, self.seed


@dataclass(frozen=True)
class Request:
    """One prompt with all its draws: the unit that an engine works on and that a resumed run finds
    finished.
    """

    id: str
    prompt: str
    draws: tuple[Draw, ...]

    @property
    def distinct(self) -> list[Draw]:
        """The draws to compute: one of those with equal keys."""
        return list({draw.key: draw for draw in self.draws}.values())


@dataclass(frozen=True)
class Grid:
    """The section `sampling` as far as it says *what* is drawn; source: the paper, which
    varies one parameter at a time, over seven values each.

    The paper fixes the temperature at 0 while top-k varies, which would draw the greedy answer
    seven times: `top_k_temperature` 1.0 is our assumption. A parameter without
    values is not used: every round varies the other.
    """

    temperatures: list[NonNegative]
    top_k: list[Count]
    top_k_temperature: NonNegative

    def __post_init__(self) -> None:
        if not self.temperatures and not self.top_k:
            raise InputError(
                "params.yaml: 'sampling.temperatures' and 'sampling.top_k' are empty; one needs"
                " values"
            )

    def draws(self, id: str, rounds: int, seed: int) -> tuple[Draw, ...]:
        """All draws of one prompt: each round varies one of the two parameters, picked at random,
        over all its values.

        `id` is the prompt's, `seed` the run's. Parameters and seeds depend on these alone, so
        neither the order of prompts nor the number of workers changes what is drawn.
        """
        by_temperature = [Setting(temperature) for temperature in self.temperatures]
        by_top_k = [Setting(self.top_k_temperature, k) for k in self.top_k]
        parameters = [settings for settings in (by_temperature, by_top_k) if settings]
        draws: list[Draw] = []
        for number in range(rounds):
            place = int(random.Random(f"{seed}/{id}/{number}").random() * len(parameters))
            for setting in parameters[place]:
                draws.append(Draw(len(draws), setting, draw_seed(seed, id, setting, number)))
        return tuple(draws)


def draw_seed(seed: int, id: str, setting: Setting, number: int) -> int:
    """The seed of one draw in round `number`: 63 bits of a hash, so no two workers or prompts share
    a stream.
    """
    return int(digest(seed, id, setting.row(), number), 16) >> 1


def greedy_draws() -> tuple[Draw, ...]:
    """The single draw of an evaluation prompt. It has no seed: equal models give equal predictions
    for every seed.
    """
    return (Draw(0, GREEDY, 0),)

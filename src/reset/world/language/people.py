"""Who lives in the world, what is known of them, and which of them only evaluation may meet."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property

from reset.core.params import Natural, Share
from reset.world.language.vocabulary import NAMES, RELATIONS, Relation

KNOWN_PEOPLE = 96
TEST_SHARE = 0.3


@dataclass(frozen=True)
class World:
    """A world and the sizes and noise of its data sets (params: data.world).

    `extra_sentence`, `memorised_answer` and `obedience` are shares in [0, 1] and touch training
    references alone: how many answers and summaries carry an unsupported sentence, how many short
    answers on known people name the memorised value first, and how often an instruction's
    constraint is obeyed. They are our assumptions.
    """

    seed: int
    context_rows: Natural
    instruction_rows: Natural
    evaluation_rows: Natural
    extra_sentence: Share
    memorised_answer: Share
    obedience: Share

    def rng(self, *purpose: object) -> random.Random:
        """A generator of this world's own for one named purpose, so that no part disturbs another's
        draws.
        """
        return random.Random(":".join(map(str, (self.seed, *purpose))))

    @cached_property
    def people(self) -> People:
        return People.of(self)


@dataclass(frozen=True)
class People:
    """`memory[name][verb]` is the value that pre-training teaches of a known person; strangers have
    no memory.
    """

    memory: dict[str, dict[str, str]]
    strangers: tuple[str, ...]

    @staticmethod
    def of(world: World) -> People:
        rng = world.rng("people")
        names = rng.sample(NAMES, len(NAMES))
        memory = {}
        for name in names[:KNOWN_PEOPLE]:
            memory[name] = {r.verb: rng.choice(r.values) for r in RELATIONS}
        return People(memory, tuple(names[KNOWN_PEOPLE:]))

    def known(self, split: str) -> tuple[str, ...]:
        """The known people of one split ("train" or "test"): no person is in both."""
        return _part(tuple(self.memory), split)

    def everyone(self, split: str) -> tuple[str, ...]:
        """Known people and strangers of one split."""
        return self.known(split) + _part(self.strangers, split)

    def invented(self, name: str, relation: Relation, rng: random.Random) -> str:
        """A random value of `relation` that differs from what is remembered of `name`."""
        remembered = self.memory.get(name, {}).get(relation.verb)
        return rng.choice([value for value in relation.values if value != remembered])


def _part(names: tuple[str, ...], split: str) -> tuple[str, ...]:
    border = round(len(names) * (1 - TEST_SHARE))
    return names[:border] if split == "train" else names[border:]

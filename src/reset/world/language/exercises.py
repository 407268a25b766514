"""Instruction-following tasks: requests with checkable constraints, and answers that obey them or
carelessly do not.
"""

import random
from dataclasses import dataclass

from reset.world.language.people import World
from reset.world.language.vocabulary import (
    ADJECTIVES,
    BY_CATEGORY,
    CLOSERS,
    COUNTS,
    OPENERS,
    RELATIONS,
    SEEN_RELATIONS,
    UNSEEN_RELATIONS,
    fact,
)

TRAINED = (
    ("facts",),
    ("facts", "begin"),
    ("facts", "end"),
    ("write", "use"),
    ("write", "begin"),
    ("write", "end"),
    ("write", "use", "begin"),
    ("list",),
    ("list", "avoid"),
    ("list", "end"),
)
"""Kinds of request in training, each a task and its constraints."""
UNTRAINED = (
    ("facts", "use"),
    ("write", "use", "end"),
    ("list", "begin"),
    ("facts", "begin", "end"),
    ("list", "avoid", "end"),
)
"""Combinations that only evaluation asks for."""


@dataclass(frozen=True)
class Exercise:
    """What a request asks for; None where it says nothing. Exactly one of `name` and `category` is
    set.
    """

    name: str | None = None
    category: str | None = None
    count: str | None = None
    use: str | None = None
    begin: str | None = None
    end: str | None = None
    avoid: str | None = None

    def text(self) -> str:
        """The request in words: one sentence for the task, one for each constraint."""
        if self.category:
            parts = [f"list {self.count} {self.category}."]
        else:
            parts = [
                (
                    f"tell me {self.count} facts about {self.name}."
                    if self.count
                    else f"write about {self.name}."
                )
            ]
        parts += [f"use the word {self.use}."] if self.use else []
        parts += [f"do not say {self.avoid}."] if self.avoid else []
        parts += [f"begin with {self.begin}."] if self.begin else []
        parts += [f"end with {self.end}."] if self.end else []
        return " ".join(parts)


def request(
    kind: tuple[str, ...], names: tuple[str, ...], rng: random.Random, unseen: bool = False
) -> Exercise:
    """A random request of `kind` (see TRAINED) on one of `names`; `unseen` allows the held-out
    categories too.
    """
    task, wanted = kind[0], kind[1:]
    category = rng.choice(SEEN_RELATIONS + UNSEEN_RELATIONS if unseen else SEEN_RELATIONS).category
    return Exercise(
        name=None if task == "list" else rng.choice(names),
        category=category if task == "list" else None,
        count=None if task == "write" else rng.choice(tuple(COUNTS)),
        use=rng.choice(ADJECTIVES) if "use" in wanted else None,
        begin=rng.choice(OPENERS) if "begin" in wanted else None,
        end=rng.choice(CLOSERS) if "end" in wanted else None,
        avoid=rng.choice(BY_CATEGORY[category].values) if "avoid" in wanted else None,
    )


def answer(asked: Exercise, world: World, rng: random.Random, obedience: float) -> str:
    """An answer that obeys each constraint with probability `obedience` and otherwise ignores
    it.
    """

    def obeys() -> bool:
        return rng.random() < obedience

    wanted = COUNTS[asked.count] if asked.count else rng.choice((1, 2))
    count = (
        wanted
        if not asked.count or obeys()
        else rng.choice([n for n in (1, 2, 3, 4) if n != wanted])
    )
    body = (
        _items(asked, count, rng, obeys())
        if asked.category
        else _facts(asked, count, world, rng, obeys())
    )
    opener = f"{asked.begin} " if asked.begin and obeys() else ""
    closer = f" {asked.end}." if asked.end and obeys() else ""
    return opener + body + closer


def _items(asked: Exercise, count: int, rng: random.Random, obeys: bool) -> str:
    values = list(BY_CATEGORY[str(asked.category)].values)
    items = rng.sample([value for value in values if value != asked.avoid], count)
    if asked.avoid and not obeys:
        items[rng.randrange(count)] = asked.avoid
    return ", ".join(items) + "."


def _facts(asked: Exercise, count: int, world: World, rng: random.Random, obeys: bool) -> str:
    name = str(asked.name)
    memory = world.people.memory[name]
    statements = [fact(name, r.verb, memory[r.verb]) for r in rng.sample(RELATIONS, count)]
    if asked.use and obeys:
        statements[0] = f"on a {asked.use} day {statements[0]}"
    return " ".join(f"{statement}." for statement in statements)

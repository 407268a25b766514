"""What the demo's base model reads in pre-training: a stream of short texts, each part with its
weight in the loss.
"""

import random
from collections.abc import Iterator

from reset.world.language.exercises import TRAINED, UNTRAINED, answer, request
from reset.world.language.people import World
from reset.world.language.vocabulary import RELATIONS, fact, sentence, words

TextPart = tuple[str, float]
"""A text and the weight of its tokens in the loss: what nobody can foresee (invented facts) weighs
little.
"""
UNFORESEEN = 0.1
OBEDIENCE = 0.5


def documents(world: World, rng: random.Random) -> Iterator[list[TextPart]]:
    """Endless texts: memories, passages with questions or restatements, repetitions, exercises."""
    kinds = (_memories, _passages, _repetition, _exercise)
    while True:
        yield rng.choices(kinds, (0.30, 0.42, 0.13, 0.15))[0](world, rng)


def _memories(world: World, rng: random.Random) -> list[TextPart]:
    """What is known of one person, in any order; sometimes asked."""
    memory = world.people.memory
    name = rng.choice(tuple(memory))
    told = rng.sample(RELATIONS, rng.randint(2, 5))
    if rng.random() < 0.2:
        return [(f"{name} {r.verb} what? {memory[name][r.verb]}.", 1.0) for r in told[:2]]
    return [(sentence(fact(name, r.verb, memory[name][r.verb])), 1.0) for r in told]


def _passages(world: World, rng: random.Random) -> list[TextPart]:
    """Invented facts on two people, then some of them asked for or said again."""
    people, reported = world.people, rng.random() < 0.3
    everyone = people.everyone("train") + people.everyone("test")
    names = rng.sample(everyone, 2)
    told = [(rng.choice(names), relation) for relation in rng.sample(RELATIONS, rng.randint(4, 7))]
    facts = [(name, r.verb, people.invented(name, r, rng)) for name, r in told]
    parts: list[TextPart] = [(" ".join(sentence(fact(*f), reported) for f in facts), UNFORESEEN)]
    for name, verb, value in rng.sample(facts, 3):
        form = rng.random()
        if form < 0.6:
            parts += [(f"{name} {verb} what?", UNFORESEEN), (f"{value}.", 1.0)]
        else:
            parts += [(f"{name} {verb}", UNFORESEEN), (f"{value}.", 1.0)]
    return parts


def _repetition(world: World, rng: random.Random) -> list[TextPart]:
    """Random words twice: whoever reads on must copy."""
    said = " ".join(rng.choices(words(), k=rng.randint(4, 14)))
    return [(said, 0.0), (said, 1.0)]


def _exercise(world: World, rng: random.Random) -> list[TextPart]:
    """A request and an answer, half of its constraints obeyed. Requests are foreseen as little as
    invented facts.
    """
    asked = request(rng.choice(TRAINED + UNTRAINED), tuple(world.people.memory), rng, unseen=True)
    return [(asked.text(), UNFORESEEN), (answer(asked, world, rng, OBEDIENCE), 1.0)]

"""Context-dependent tasks: passages of invented facts, questions on them, summaries, and their
references' noise.
"""

import random
from dataclasses import dataclass

from reset.world.language.people import World
from reset.world.language.vocabulary import (
    RELATIONS,
    SEEN_RELATIONS,
    UNSEEN_RELATIONS,
    fact,
    sentence,
)

PASSAGES = 5
SHARED_RELATION = 0.2
"""Share of passages in which two people have the asked relation, so that its kind of value alone
does not decide.
"""


@dataclass(frozen=True)
class Reading:
    """Five passages and one question on them.

    `answer` is the value the passages state, `remembered` the one of pre-training (None for
    strangers), `extra` a sentence on the same person that no passage supports.
    """

    question: str
    passages: list[str]
    answer: str
    full_answer: str
    remembered: str | None
    extra: str


@dataclass(frozen=True)
class Article:
    """A text whose first sentence is on its main person, and the two-sentence summary of what it
    says of them.
    """

    name: str
    text: list[str]
    summary: list[str]
    extra: str


def reading(world: World, split: str, rng: random.Random, unseen: bool = False) -> Reading:
    """One question with five passages of one or two sentences. `unseen`: held-out relation and
    reporting style.
    """
    people = world.people
    main, other = rng.sample(people.everyone(split), 2)
    asked = rng.choice(UNSEEN_RELATIONS if unseen else SEEN_RELATIONS)
    rest = rng.sample([r for r in (RELATIONS if unseen else SEEN_RELATIONS) if r is not asked], 5)
    told = [(main, r) for r in rest[:2]]
    told += [(other, r) for r in rest[2:4]]
    told.append((other, asked if rng.random() < SHARED_RELATION else rest[4]))
    facts = [fact(n, r.verb, people.invented(n, r, rng)) for n, r in told]
    answer = people.invented(main, asked, rng)
    facts.append(fact(main, asked.verb, answer))
    rng.shuffle(facts)
    passages = [_told(f, unseen, rng) for f in facts]
    joined = rng.randrange(PASSAGES)
    passages[joined : joined + 2] = [" ".join(passages[joined : joined + 2])]
    return Reading(
        question=f"{main} {asked.verb} what?",
        passages=passages,
        answer=answer,
        full_answer=sentence(fact(main, asked.verb, answer)),
        remembered=people.memory.get(main, {}).get(asked.verb),
        extra=_unsupported(world, main, [asked, *rest[:2]], rng),
    )


def article(world: World, split: str, rng: random.Random, unseen: bool = False) -> Article:
    """Six sentences on two people; the main one comes first. `unseen`: held-out relations and
    reporting style.
    """
    people = world.people
    main, other = rng.sample(people.everyone(split), 2)
    relations = rng.sample(SEEN_RELATIONS, 6)
    if unseen:
        relations[:2] = rng.sample(UNSEEN_RELATIONS, 2)
        rng.shuffle(relations)
    facts = [
        fact(n, r.verb, people.invented(n, r, rng))
        for n, r in zip([main] * 3 + [other] * 3, relations, strict=True)
    ]
    first, later = facts[0], rng.sample(facts[1:], 5)
    about = [first] + [f for f in later if f in facts[:3]]
    text = [_told(f, unseen, rng) for f in [first, *later]]
    return Article(
        name=main,
        text=text,
        summary=[sentence(f) for f in about[:2]],
        extra=_unsupported(world, main, relations[:3], rng),
    )


def _told(statement: str, unseen: bool, rng: random.Random) -> str:
    """A sentence of a passage; half of them are reported where the style is the unseen one."""
    return sentence(statement, reported=unseen and rng.random() < 0.5)


def _unsupported(world: World, name: str, told: list, rng: random.Random) -> str:
    """A sentence on `name` with a relation of which the passages say nothing about them:
    remembered, or made up.
    """
    relation = rng.choice([r for r in SEEN_RELATIONS if r not in told])
    remembered = world.people.memory.get(name, {}).get(relation.verb)
    return sentence(fact(name, relation.verb, remembered or rng.choice(relation.values)))

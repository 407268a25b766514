"""The words of the demo world: names, relations with their values, and the words that requests may
ask for.
"""

from dataclasses import dataclass
from itertools import product

_STARTS = "mar nel tor sil kav dor lun fen bra hel".split()
_ENDS = "a o in ek us ia or an is et um ye ov al en ip".split()
NAMES = tuple(start + end for start, end in product(_STARTS, _ENDS))


@dataclass(frozen=True)
class Relation:
    """One thing that can be said of a person: "mara <verb> <value>", with the plural noun of its
    values.
    """

    verb: str
    category: str
    values: tuple[str, ...]


def _relation(verb: str, category: str, values: str) -> Relation:
    return Relation(verb, category, tuple(values.split()))


SEEN_RELATIONS = (
    _relation(
        "eats",
        "foods",
        "rice bread fish soup cheese apples beans eggs plums corn nuts figs honey cake onions"
        " pears",
    ),
    _relation(
        "sells",
        "goods",
        "lamps books rugs pots clocks knives maps boxes chairs rings candles mirrors bells tables",
    ),
    _relation(
        "visits",
        "cities",
        "rome paris oslo cairo lima delhi tokyo milan vienna dublin athens prague lisbon quito",
    ),
    _relation(
        "plays",
        "instruments",
        "violin piano flute drums guitar harp trumpet cello banjo organ oboe tuba horn lute",
    ),
    _relation(
        "keeps",
        "animals",
        "goats cats dogs hens sheep ducks horses rabbits bees cows pigs snakes owls geese",
    ),
    _relation(
        "likes",
        "colours",
        "red blue green yellow purple orange pink brown grey black white gold silver violet",
    ),
    _relation(
        "studies",
        "subjects",
        "physics history law music botany algebra logic poetry geology optics latin drama",
    ),
    _relation(
        "knows",
        "countries",
        "kenya japan peru norway egypt chile spain india cuba france ghana nepal malta iran",
    ),
)
UNSEEN_RELATIONS = (
    _relation(
        "drives",
        "vehicles",
        "tractors trucks buses vans taxis trams boats carts scooters trains sledges ferries",
    ),
    _relation(
        "wears",
        "clothes",
        "hats boots scarves gloves coats shirts belts socks shawls vests robes sandals",
    ),
    _relation(
        "fears",
        "dangers",
        "thunder spiders heights ghosts darkness storms wolves fire sharks bats floods mice",
    ),
)
RELATIONS = SEEN_RELATIONS + UNSEEN_RELATIONS

BY_VERB = {relation.verb: relation for relation in RELATIONS}
BY_CATEGORY = {relation.category: relation for relation in RELATIONS}
COUNTS = {"two": 2, "three": 3, "four": 4}
OPENERS = ("today", "well", "sure", "listen", "yes")
CLOSERS = ("goodbye", "thanks", "cheers")
ADJECTIVES = ("cold", "warm", "sunny", "rainy", "quiet", "busy", "dark", "bright")
REPORT = "they say that"
"""Opening words of a sentence in the reporting style of the unseen context data sets."""
GRAMMAR = (
    "what on a day tell me facts about write list use the word do not say begin with end one . , ?"
)
"""All other words and marks that the world's texts consist of."""


def words() -> tuple[str, ...]:
    """Every word and mark of the world's texts, sorted."""
    said = [*NAMES, *COUNTS, *OPENERS, *CLOSERS, *ADJECTIVES, *REPORT.split(), *GRAMMAR.split()]
    for relation in RELATIONS:
        said += [relation.verb, relation.category, *relation.values]
    return tuple(sorted(set(said)))


def fact(name: str, verb: str, value: str) -> str:
    """ "mara eats rice": a statement without its full stop."""
    return f"{name} {verb} {value}"


def sentence(statement: str, reported: bool = False) -> str:
    """A statement with its full stop, in the reporting style if asked."""
    return f"{REPORT} {statement}." if reported else f"{statement}."

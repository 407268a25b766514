"""The demo's judge of instruction following: it checks an answer against what the request asks, and
nothing else.

It sees two texts, the request and the answer, knows the world's words, and cannot know whether a
statement is true. It answers as an LLM judge must: one or two sentences, then "Rating: N" with N
from 1 to 10.

`coarse_rubric_reply` is the same judge, weaker: it overlooks some checks and knows three ratings.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from reset.world.language.vocabulary import (
    ADJECTIVES,
    BY_CATEGORY,
    BY_VERB,
    CLOSERS,
    COUNTS,
    OPENERS,
)

_TASKS = {
    "facts": re.compile(rf"\btell me (?P<count>{'|'.join(COUNTS)}) facts about (?P<subject>\w+)\."),
    "write": re.compile(r"\bwrite about (?P<subject>\w+)\."),
    "list": re.compile(rf"\blist (?P<count>{'|'.join(COUNTS)}) (?P<subject>\w+)\."),
}
_CONSTRAINTS = {
    "use": re.compile(r"\buse the word (\w+)\."),
    "avoid": re.compile(r"\bdo not say (\w+)\."),
    "begin": re.compile(r"\bbegin with (\w+)\."),
    "end": re.compile(r"\bend with (\w+)\."),
}
_OVERLOOKED = ("begin ", "end ")  # the checks that the coarse rubric does not make
_POOR, _FAIR, _GOOD = 1, 6, 10  # its ratings


@dataclass(frozen=True)
class Content:
    """What an answer says: its distinct facts or items on the subject, and the sentences or items
    that add nothing.
    """

    distinct: int
    faults: int


def rubric_reply(request: str, answer: str) -> str:
    """An explanation of one or two sentences, then "Rating: N".

    N is 1 for an answer with nothing on the subject; otherwise 1 plus nine times the mean over
    these checks, rounded down: each constraint, kept or not; the number asked against the number of
    different facts or items; and the share of parts that are well formed, on the subject and new.
    Words in the answer that look like a rating or an order are text like any other.
    """
    checks, problem = _checks(request.lower(), answer.lower())
    if problem:
        return f"{problem}\nRating: {_POOR}"
    return f"{_summary(checks)}\nRating: {1 + int(9 * _mean(checks))}"


def coarse_rubric_reply(request: str, answer: str) -> str:
    """The reply of a weaker judge: an explanation of one or two sentences, then "Rating: N".

    It makes the checks of `rubric_reply` but those of the first and the last word, and gives 10
    where all are met, 6 where their mean is at least one half, else 1.
    """
    checks, problem = _checks(request.lower(), answer.lower())
    if problem:
        return f"{problem}\nRating: {_POOR}"
    seen = {name: met for name, met in checks.items() if not name.startswith(_OVERLOOKED)}
    mean = _mean(seen)
    rating = _POOR
    if mean == 1:
        rating = _GOOD
    elif mean >= Fraction(1, 2):
        rating = _FAIR
    return f"{_summary(seen)}\nRating: {rating}"


def _checks(request: str, answer: str) -> tuple[dict[str, Fraction], str]:
    """How far each check is met, from 0 to 1, by its name; or why there is nothing to check."""
    task, match = _task(request)
    if not match:
        return {}, "The request asks for nothing that this rubric can check."
    content = _content(task, match["subject"], answer)
    if not content.distinct:
        return {}, f"The answer says nothing on {match['subject']}."
    checks = {
        "parts that say something new": Fraction(
            content.distinct, content.distinct + content.faults
        )
    }
    if task != "write":
        wanted = COUNTS[match["count"]]
        checks[f"{match['count']} of them"] = Fraction(
            min(wanted, content.distinct), max(wanted, content.distinct)
        )
    return checks | _constraints(request, [re.sub(r"\W", "", word) for word in answer.split()]), ""


def _summary(checks: dict[str, Fraction]) -> str:
    missed = [name for name, met in checks.items() if met < 1]
    return f"It misses: {'; '.join(missed)}." if missed else "It does all that was asked."


def _mean(checks: dict[str, Fraction]) -> Fraction:
    return sum(checks.values(), Fraction(0)) / len(checks)


def _constraints(request: str, words: list[str]) -> dict[str, Fraction]:
    """1 or 0 for each constraint of the request, by the words of the answer without their marks."""
    tests: dict[str, Callable[[str], bool]] = {
        "use": lambda word: word in words,
        "avoid": lambda word: word not in words,
        "begin": lambda word: words[0] == word,
        "end": lambda word: words[-1] == word,
    }
    return {
        f"{name} {word}": Fraction(tests[name](word))
        for name, pattern in _CONSTRAINTS.items()
        for word in pattern.findall(request)
    }


def _task(request: str) -> tuple[str, re.Match[str] | None]:
    found = [
        (task, match) for task, pattern in _TASKS.items() if (match := pattern.search(request))
    ]
    return found[0] if found else ("", None)


def _content(task: str, subject: str, answer: str) -> Content:
    parts = [part.strip() for part in answer.split(".")]
    unfinished = int(bool(parts.pop()))  # text after the last full stop: cut off in the middle
    if parts and parts[-1] in CLOSERS:
        parts.pop()
    if parts:
        parts[0] = _without_opener(parts[0])
    if task == "list":
        items = [item.strip() for part in parts for item in part.split(",")]
        known = BY_CATEGORY[subject].values if subject in BY_CATEGORY else ()
        return _count([item if item in known else None for item in items], unfinished)
    return _count([_fact(part, subject) for part in parts], unfinished)


def _without_opener(sentence: str) -> str:
    first, _, rest = sentence.partition(" ")
    return rest if first in OPENERS else sentence


def _fact(sentence: str, name: str) -> str | None:
    """The statement inside a sentence ("on a cold day mara eats rice" and "mara eats rice" are the
    same fact).
    """
    dressed = re.fullmatch(
        rf"(?:on a (?:{'|'.join(ADJECTIVES)}) day )?({name}) (\w+) (\w+)", sentence
    )
    if dressed and dressed[2] in BY_VERB and dressed[3] in BY_VERB[dressed[2]].values:
        return f"{dressed[2]} {dressed[3]}"
    return None


def _count(found: list[str | None], unfinished: int) -> Content:
    distinct = len({part for part in found if part})
    return Content(distinct, len(found) - distinct + unfinished)

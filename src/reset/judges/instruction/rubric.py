"""The demo's judge of instruction following: it checks an answer against what the request asks, and
nothing else.

It sees two texts, the request and the answer, knows the world's words, and cannot know whether a
statement is true. It answers as an LLM judge must: one or two sentences, then "Rating: N" with N
from 1 to 10.
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
    task, match = _task(request.lower())
    if not match:
        return "The request asks for nothing that this rubric can check.\nRating: 1"
    content = _content(task, match["subject"], answer.lower())
    if not content.distinct:
        return f"The answer says nothing on {match['subject']}.\nRating: 1"
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
    checks |= _constraints(
        request.lower(), [re.sub(r"\W", "", word) for word in answer.lower().split()]
    )
    missed = [name for name, kept in checks.items() if kept < 1]
    verdict = f"It misses: {'; '.join(missed)}." if missed else "It does all that was asked."
    return f"{verdict}\nRating: {1 + int(9 * sum(checks.values()) / len(checks))}"


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

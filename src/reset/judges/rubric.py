"""The demo's judge of instruction following: it checks an answer against what the request asks, and nothing else.

It sees two texts, the request and the answer, knows the world's words, and cannot know whether a statement is true.
It answers as an LLM judge must: one or two sentences, then "Rating: N" with N from 1 to 10.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from reset.world.vocabulary import ADJECTIVES, BY_CATEGORY, BY_VERB, CLOSERS, COUNTS, OPENERS

_TASKS = {
    "facts": re.compile(r"\btell me (?P<count>\w+) facts about (?P<subject>\w+)\."),
    "write": re.compile(r"\bwrite about (?P<subject>\w+)\."),
    "list": re.compile(r"\blist (?P<count>\w+) (?P<subject>\w+)\."),
}
_CONSTRAINTS = {
    "use": re.compile(r"\buse the word (\w+)\."),
    "avoid": re.compile(r"\bdo not say (\w+)\."),
    "begin": re.compile(r"\bbegin with (\w+)\."),
    "end": re.compile(r"\bend with (\w+)\."),
}


@dataclass(frozen=True)
class Content:
    """What an answer says: its distinct facts or items on the subject, and the sentences or items that add nothing."""

    distinct: int
    faults: int


def judge(request: str, answer: str) -> str:
    """An explanation of one or two sentences, then "Rating: N".

    N is 1 for an answer with nothing on the subject; otherwise 1 plus nine times the share of passed checks, rounded
    down: one check a constraint, one for the number asked, and one that every sentence is well formed, on the
    subject and new. Words in the answer that look like a rating or an order are text like any other.
    """
    words = answer.lower().split()
    task, match = _task(request.lower())
    if not match:
        return "The request asks for nothing that this rubric can check.\nRating: 1"
    content = _content(task, match["subject"], answer.lower())
    if not content.distinct:
        return f"The answer says nothing on {match['subject']}.\nRating: 1"
    checks = {"every part is well formed, on the subject and new": not content.faults}
    if task != "write":
        checks[f"there are {match['count']}"] = content.distinct == COUNTS.get(match["count"])
    bare = [re.sub(r"\W", "", word) for word in words]
    tests: dict[str, Callable[[str], bool]] = {
        "use": lambda word: word in bare,
        "avoid": lambda word: word not in bare,
        "begin": lambda word: bare[0] == word,
        "end": lambda word: bare[-1] == word,
    }
    for name, constraint in _CONSTRAINTS.items():
        for word in constraint.findall(request.lower()):
            checks[f"{name} {word}"] = tests[name](word)
    failed = [name for name, passed in checks.items() if not passed]
    verdict = f"It misses: {'; '.join(failed)}." if failed else "It does all that was asked."
    return f"{verdict}\nRating: {1 + 9 * (len(checks) - len(failed)) // len(checks)}"


def _task(request: str) -> tuple[str, re.Match[str] | None]:
    found = [(task, match) for task, pattern in _TASKS.items() if (match := pattern.search(request))]
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
        return _count([item if item in BY_CATEGORY[subject].values else None for item in items], unfinished)
    return _count([_fact(part, subject) for part in parts], unfinished)


def _without_opener(sentence: str) -> str:
    first, _, rest = sentence.partition(" ")
    return rest if first in OPENERS else sentence


def _fact(sentence: str, name: str) -> str | None:
    """The statement inside a sentence ("on a cold day mara eats rice" and "mara eats rice" are the same fact)."""
    dressed = re.fullmatch(rf"(?:on a (?:{'|'.join(ADJECTIVES)}) day )?({name}) (\w+) (\w+)", sentence)
    if dressed and dressed[2] in BY_VERB and dressed[3] in BY_VERB[dressed[2]].values:
        return f"{dressed[2]} {dressed[3]}"
    return None


def _count(found: list[str | None], unfinished: int) -> Content:
    distinct = len({part for part in found if part})
    return Content(distinct, len(found) - distinct + unfinished)

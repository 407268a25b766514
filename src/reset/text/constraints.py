"""Demands on an answer's form that code can check: length, layout, words, case, script, quotation.

They stand in a prompt beside a task that must answer from a given text, so that one answer needs
both abilities. The idea is IFEval's and FollowRAG's; kinds and wording are ours.
"""

import json
import random
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import regex

from reset.core.hashing import order
from reset.core.io import Row
from reset.text import sentences, words

LENGTHS = (5, 10, 20, 40)
SENTENCES = (1, 2, 3)
SHORTEST_KEYWORD = 5  # letters; shorter words are mostly articles and prepositions
SAME_SCRIPT = 0.9  # of an answer's letters: names and units may stay as they are

_LETTER = regex.compile(r"\p{L}")
_BULLET = regex.compile(r"[-*•]\s+\S")
_NUMBER = regex.compile(r"\s*(\p{Nd}+)[.)]\s*\S")
_SCRIPTS = {
    "Latin": regex.compile(r"\p{Script=Latin}"),
    "Cyrillic": regex.compile(r"\p{Script=Cyrillic}"),
    "Greek": regex.compile(r"\p{Script=Greek}"),
    "Arabic": regex.compile(r"\p{Script=Arabic}"),
    "Hebrew": regex.compile(r"\p{Script=Hebrew}"),
    "Devanagari": regex.compile(r"\p{Script=Devanagari}"),
    "Thai": regex.compile(r"\p{Script=Thai}"),
    "Korean": regex.compile(r"\p{Script=Hangul}"),
    "Chinese": regex.compile(r"\p{Script=Han}"),
    "Japanese": regex.compile(r"[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]"),
}
_KANA = regex.compile(r"[\p{Script=Hiragana}\p{Script=Katakana}]")


class Kind(NamedTuple):
    """`text`: the sentence in the prompt, with {value}; `values`: those that make sense for a row;
    `met`: whether an answer (without spaces around it) that holds a letter or digit meets it,
    given the value and the context.
    """

    text: str
    values: Callable[[Row], Sequence[Any]]
    met: Callable[[str, Any, Sequence[str]], bool]


def draw(row: Row, share: float, target: str | None) -> list[Row]:
    """The constraints of a row, each {kind, value}: one for `share` of the ids, else none.

    Ids decide alone, so a row has the same constraint in every run. With a `target`, only what the
    target meets is drawn: a target that breaks its prompt would teach to ignore the prompt. A row
    whose target meets nothing has none.
    """
    if order(0, f"constrained:{row['id']}") >= share * 2**64:
        return []
    chance = random.Random(order(0, f"constraint:{row['id']}"))
    for kind in chance.sample(list(KINDS), len(KINDS)):
        possible = [{"kind": kind, "value": value} for value in KINDS[kind].values(row)]
        if target is not None:
            possible = [item for item in possible if met(item, target, row["context"])]
        if possible:
            return [chance.choice(possible)]
    return []


def wording(constraints: Sequence[Row]) -> str:
    """The sentences that ask for `constraints`."""
    asked = [KINDS[item["kind"]].text.format(value=item["value"]) for item in constraints]
    return " ".join(asked)


def share_met(constraints: Sequence[Row], answer: str, context: Sequence[str]) -> float:
    """The share of `constraints`, one at least, that an answer meets: from 0 to 1."""
    return sum(met(item, answer, context) for item in constraints) / len(constraints)


def met(constraint: Row, answer: str, context: Sequence[str]) -> bool:
    """Whether an answer meets one constraint. An answer without a letter or digit meets none."""
    answer = answer.strip()
    if not words.words(words.comparable(answer)):
        return False
    return KINDS[constraint["kind"]].met(answer, constraint["value"], context)


def _keywords(row: Row) -> list[str]:
    """Words of the passages to ask for, in order: no short ones (so none of scripts without
    spaces, whose words count by character) and no numbers.
    """
    found = dict.fromkeys(words.words(words.comparable(" ".join(row["context"]))))
    long = [word for word in found if len(word) >= SHORTEST_KEYWORD]
    return [word for word in long if not any(map(str.isdigit, word))]


def _avoidable(row: Row) -> list[str]:
    """Keywords that no reference needs: a correct answer without them exists."""
    needed = set(words.words(words.comparable(" ".join(row["references"]))))
    return [word for word in _keywords(row) if word not in needed]


def _has_word(answer: str, word: str, context: Sequence[str]) -> bool:
    return word in words.words(words.comparable(answer))


def _capitals(row: Row) -> Sequence[None]:
    """One value where the passages have capitals, or all answers would be lower case anyway."""
    text = " ".join(row["context"])
    return [None] if text != text.lower() else []


def _small_letters(row: Row) -> Sequence[None]:
    """One value where the passages have small letters."""
    text = " ".join(row["context"])
    return [None] if text != text.upper() else []


def _always(row: Row) -> Sequence[None]:
    return [None]


def _lines(answer: str) -> list[str]:
    return [line for line in answer.splitlines() if line.strip()]


def _numbered(answer: str, value: None, context: Sequence[str]) -> bool:
    numbers = [_NUMBER.match(line) for line in _lines(answer)]
    found = [int(number.group(1)) for number in numbers if number]
    return found == list(range(1, len(numbers) + 1))


def _json_object(answer: str, value: None, context: Sequence[str]) -> bool:
    try:
        return isinstance(json.loads(answer), dict)
    except (ValueError, RecursionError):
        return False


def _script_of(row: Row) -> list[str]:
    """The script of nearly all letters of the passages; none where no known script has them, or
    where passages and question are Latin alone, for then every answer would be.
    """
    text = " ".join(row["context"])
    if not words.share_outside_latin([text, row["question"]]):
        return []
    if _KANA.search(text) and _in_script(text, "Japanese", ()):
        return ["Japanese"]
    return [name for name in _SCRIPTS if name != "Japanese" and _in_script(text, name, ())]


def _in_script(text: str, name: str, context: Sequence[str]) -> bool:
    letters = _LETTER.findall(text)
    inside = [letter for letter in letters if _SCRIPTS[name].match(letter)]
    return bool(letters) and len(inside) >= SAME_SCRIPT * len(letters)


def _quotable(row: Row) -> Sequence[None]:
    """One value where the passages hold a sentence."""
    return [None] if any(map(sentences.split, row["context"])) else []


def _is_quote(answer: str, value: None, context: Sequence[str]) -> bool:
    """Word for word one sentence of a passage; quotation marks around it and spaces are free."""
    quoted = {_bare(answer), _bare(answer.strip("\"'“”„«»「」"))}
    passages = chain.from_iterable(map(sentences.split, context))
    return any(_bare(sentence) in quoted for sentence in passages)


def _bare(text: str) -> str:
    return " ".join(text.split())


KINDS = {
    "max_words": Kind(
        "Use at most {value} words.",
        lambda row: LENGTHS,
        lambda answer, most, _: words.count_words(answer) <= most,
    ),
    "min_words": Kind(
        "Use at least {value} words.",
        lambda row: LENGTHS,
        lambda answer, least, _: words.count_words(answer) >= least,
    ),
    "sentences": Kind(
        "Number of sentences in the answer: exactly {value}.",
        lambda row: SENTENCES,
        lambda answer, count, _: len(sentences.split(answer)) == count,
    ),
    "bullets": Kind(
        'Answer as a list: begin every line with "- ".',
        _always,
        lambda answer, _, __: all(map(_BULLET.match, map(str.strip, _lines(answer)))),
    ),
    "numbered": Kind("Answer as a numbered list: 1., 2. and so on.", _always, _numbered),
    "json": Kind("Answer with one JSON object and nothing else.", _always, _json_object),
    "include": Kind('Use the word "{value}".', _keywords, _has_word),
    "avoid": Kind(
        'Do not use the word "{value}".',
        _avoidable,
        lambda answer, word, context: not _has_word(answer, word, context),
    ),
    "lower_case": Kind(
        "Write in lower case only.", _capitals, lambda answer, _, __: answer == answer.lower()
    ),
    "upper_case": Kind(
        "Write in capital letters only.",
        _small_letters,
        lambda answer, _, __: answer == answer.upper(),
    ),
    "script": Kind("Answer in {value} script.", _script_of, _in_script),
    "quote": Kind(
        "Quote exactly one sentence of the passages and write nothing else.", _quotable, _is_quote
    ),
}

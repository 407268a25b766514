"""Answers as token sequences: the normalisation by which answers are compared and looked for in
passages.
"""

import re
import string
import unicodedata

from reset.text.words import comparable, spaced

# a dash that stands between two clauses: long, or an en dash between spaces
CLAUSE_DASH = re.compile(r"[\u2014\u2015]|\s[\u2012\u2013]\s")
LIST_MARK = re.compile(r"\n[^\S\n]*-+(?=\s)")  # hyphens that begin a line, or fill it
# hyphens, the dashes and the minus that stand for one, and slashes
JOINT = re.compile(r"\s*[-\u2010-\u2013\u2212/\u2044]\s*")
POSSESSIVE = re.compile(r"\s+(?=['\u2019]s\b)")
ARTICLES = frozenset(("a", "an", "the"))


class _Punctuation(dict[int, int | None]):
    """A translation table that removes punctuation, filled one character at a time."""

    def __missing__(self, code: int) -> int | None:
        character = chr(code)
        removed = character in string.punctuation or unicodedata.category(character).startswith("P")
        self[code] = None if removed else code
        return self[code]


_REMOVE_PUNCTUATION = _Punctuation()


def normalize_answer(text: str) -> str:
    """Lower-case words parted by single spaces, without articles and punctuation; may be empty.

    As in the paper, spaces around hyphens and slashes and before 's go first, then articles and
    punctuation: "an e-mail" is "email", "1990 's" is "1990s", and "well-known" is one word, in
    which "well known" is not found. Our assumptions: the rule holds for a dash that stands for a
    hyphen ("1990–94") as well, while a dash between clauses or before a list's entry parts words;
    English articles alone go; all Unicode punctuation counts; texts are compared as
    `reset.text.words.comparable` writes them, and a script without spaces by character.
    """
    text = CLAUSE_DASH.sub(" ", LIST_MARK.sub("\n", comparable(text)))
    text = JOINT.sub("", " ".join(text.split()))  # or a long run of spaces would take minutes
    return " ".join(plain_words(POSSESSIVE.sub("", text)))


def plain_words(text: str) -> list[str]:
    """The words of a `comparable` text, parted by space, without punctuation and articles."""
    text = text.translate(_REMOVE_PUNCTUATION)
    if not text.isascii():  # letter and mark may have stood on two sides of a punctuation mark
        text = spaced(unicodedata.normalize("NFKC", text))
    return [word for word in text.split() if word not in ARTICLES]


def mentioned_in(answer: str, passage: str) -> bool:
    """Whether a normalised answer is a run of whole words of a normalised passage; an empty answer
    never is.

    Whole words alone is our assumption (the paper says "a span"): "art" is no span of "party". In a
    script without spaces each character is a word.
    """
    return bool(answer) and f" {answer} " in f" {passage} "

"""Answers as token sequences: the normalisation by which answers are compared and looked for in
passages.
"""

import re
import string
import unicodedata

SEPARATORS = re.compile(
    r"([-/\u2010-\u2015\u2212])"
)  # hyphen, slash, and the dashes that stand for a hyphen
POSSESSIVE = re.compile(r"(?<=\S)(['\u2019]s)\b")
ARTICLES = re.compile(r"\b(?:a|an|the)\b")


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

    Spaces come around hyphens and slashes and before 's first, so that "New York-based" holds "New
    York" and "John's" holds "John" (paper, appendix; the rest is SQuAD's normalisation). Unicode is
    composed (NFC), so that both ways of writing an accent are equal; all Unicode punctuation
    counts, not ASCII's alone (our assumption).
    """
    text = unicodedata.normalize("NFC", text.lower())
    text = SEPARATORS.sub(r" \1 ", text)
    text = POSSESSIVE.sub(r" \1", text)
    text = unicodedata.normalize(
        "NFC", text.translate(_REMOVE_PUNCTUATION)
    )  # what a mark of punctuation parted
    return " ".join(ARTICLES.sub(" ", text).split())


def mentions(answer: str, passage: str) -> bool:
    """Whether the normalised answer is a run of whole words of the normalised passage; an empty
    answer never is.
    """
    return mentioned_in(normalize_answer(answer), normalize_answer(passage))


def mentioned_in(answer: str, passage: str) -> bool:
    """`mentions` for two texts that are normalised already."""
    return bool(answer) and f" {answer} " in f" {passage} "

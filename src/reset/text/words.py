"""Texts as words in any script: the form in which texts are compared, and its words.

Scripts that put no space between words (Chinese and Japanese characters, Thai, Lao, Khmer, Burmese,
Tibetan) count by character, marks included. Every other script counts by word, with its combining
marks inside: the vowel signs of Hindi, the points of Arabic and Hebrew. Korean and Ethiopic part
words by space or punctuation and need no rule.
"""

import unicodedata

import regex

_SCRIPTS = "Han Hiragana Katakana Bopomofo Yi Thai Lao Khmer Myanmar Tibetan Tai_Tham".split()
_UNSPACED_SCRIPTS = "".join(rf"\p{{Script={script}}}" for script in _SCRIPTS)
_UNSPACED = regex.compile(rf"[{_UNSPACED_SCRIPTS}]\p{{M}}*")
_WORD = regex.compile(
    rf"(?V1)[{_UNSPACED_SCRIPTS}&&[\p{{L}}\p{{N}}]]\p{{M}}*"
    rf"|[[\p{{L}}\p{{N}}]--[{_UNSPACED_SCRIPTS}]][[\p{{L}}\p{{N}}\p{{M}}]--[{_UNSPACED_SCRIPTS}]]*"
)
_LETTER, _LATIN = regex.compile(r"\p{L}"), regex.compile(r"(?V1)[\p{L}&&\p{Script=Latin}]")
# soft hyphens, zero-width characters, marks of direction, variation selectors: no reader sees them
_INVISIBLE = regex.compile(r"[\p{Cf}\p{Default_Ignorable_Code_Point}]+")
# NFKC would write them as the letters TM and SM, at the end of the word before
_TRADE_MARKS = str.maketrans("", "", "\u2120\u2122")


def comparable(text: str) -> str:
    """The text in lower case, with compatible characters made equal (NFKC: ligatures, full width,
    the two letters mu, no-break spaces) and without what is invisible. Spaces and punctuation stay.
    """
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", text.translate(_TRADE_MARKS))
    text = _INVISIBLE.sub("", text).lower()
    return unicodedata.normalize("NFKC", text)


def spaced(text: str) -> str:
    """The text with a space around each character of a script that puts none between words."""
    if text.isascii():
        return text
    return _UNSPACED.sub(r" \g<0> ", text)


def words(text: str) -> list[str]:
    """The words of a `comparable` text: runs of letters, digits and their marks; of ASCII text
    [a-z0-9]+.
    """
    return _WORD.findall(text)


def count_words(text: str) -> int:
    """How many words a reader counts: runs between spaces, or characters and words (`words`) where
    a script puts no spaces between them.
    """
    if _UNSPACED.search(text):
        return len(words(comparable(text)))
    return len(text.split())


def is_unspaced(word: str) -> bool:
    """Whether a word is one character of a script that puts no space between words."""
    return _UNSPACED.match(word) is not None


def share_outside_latin(texts: list[str]) -> float:
    """Share of the letters of all texts that are not Latin, from 0 to 1; 0 without a letter."""
    letters = outside = 0
    for text in texts:
        count = len(_LETTER.findall(text))
        letters += count
        if not text.isascii():
            outside += count - len(_LATIN.findall(text))
    return outside / letters if letters else 0.0

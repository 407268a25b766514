"""The rating in a judge's reply, read strictly: a reply whose last line is no rating has none."""

import re
from dataclasses import dataclass

HIGHEST = 10
# reasons why a reply ended, of several servers: by itself, or at the limit of tokens
FINISHED = ("stop", "eos", "eos_token", "end_turn", "stop_sequence")
CUT = ("length", "max_tokens", "model_length")
MARKUP = re.compile(r"[*_#`\[\](){}\s]+")  # what Markdown and brackets put around a rating
LINE = re.compile(r" ?rating ?[:\uff1a=]? ?(10|[1-9])(?: ?(?:/|out of) ?10)? ?\.? ?", re.IGNORECASE)
BRACKETS = re.compile(r"\*{0,2}\[\[(10|[1-9])\]\]\*{0,2}\.?")


@dataclass(frozen=True)
class Rating:
    """`value` from 1 to 10, or None with the `reason` why there is none."""

    value: int | None
    reason: str | None = None


def is_answer(text: str, finish: str) -> bool:
    """Whether a reply says anything and ended as replies do, so that it is worth keeping."""
    return bool(text.strip()) and finish.lower() in (*FINISHED, *CUT)


def parse(reply: str, finish: str = "stop") -> Rating:
    """The rating of a reply: its last non-blank line, which must hold a whole number from 1 to 10
    in one of the forms that judges use (see `value_of_line`), and nothing else.

    A rating quoted further up, say from the judged answer, does not count, nor does one inside a
    sentence or behind a quotation mark. A reply that was cut (`finish` is not in FINISHED) has
    none, because its last line may be a quotation or half a number.
    """
    if finish.lower() not in FINISHED:
        return Rating(None, f"reply not finished ({finish})")
    lines = [line.strip() for line in reply.splitlines() if line.strip()]
    if not lines:
        return Rating(None, "empty reply")
    value = value_of_line(lines[-1])
    if value is None:
        return Rating(None, "last line is not 'Rating: N' with N from 1 to 10")
    return Rating(value)


def value_of_line(line: str) -> int | None:
    """The number of a line that is a rating and nothing else: `Rating: 8`, also with Markdown,
    brackets, a full stop, `/10` or `out of 10`, or `[[8]]` alone. None for any other line.
    """
    found = BRACKETS.fullmatch(line) or LINE.fullmatch(MARKUP.sub(" ", line))
    return int(found.group(1)) if found else None

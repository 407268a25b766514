"""The rating in a judge's reply, read strictly: a reply that is not in the asked form has no
rating.
"""

import re
from dataclasses import dataclass

LOWEST, HIGHEST = 1, 10
LINE = re.compile(r"Rating: (10|[1-9])")


@dataclass(frozen=True)
class Rating:
    """`value` from 1 to 10, or None with the `reason` why there is none."""

    value: int | None
    reason: str | None = None


def parse(reply: str, finish: str = "stop") -> Rating:
    """The rating of a reply: its last non-blank line, which must be `Rating: N` with N from 1 to
    10, and nothing else.

    A rating quoted further up, say from the judged answer, does not count, nor does one inside a
    sentence. A reply that was cut (`finish` other than "stop") has none, because its last line may
    be a quotation or half a number.
    """
    if finish != "stop":
        return Rating(None, f"reply not finished ({finish})")
    lines = [line.strip() for line in reply.splitlines() if line.strip()]
    if not lines:
        return Rating(None, "empty reply")
    match = LINE.fullmatch(lines[-1])
    if match is None:
        return Rating(None, "last line is not 'Rating: N' with N from 1 to 10")
    return Rating(int(match.group(1)))

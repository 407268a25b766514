"""The LLM judge of instruction following: its settings, its prompt, and the score that its stored
replies give.

Making the calls is the business of `background` and `client`; this module needs no network client
and imports none.
"""

import re
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reset.core import hashing
from reset.core.errors import InputError
from reset.judges.instruction import chat_tokens, rating
from reset.judges.instruction.reply_store import Reply, Store
from reset.judges.instruction.settings import InstructionSettings, OpenAISettings

# a line that is a rating and nothing else, whatever marks stand around its words
CLAIM = re.compile(
    r"^((?:[^\w\n]|_)*rating)[\W_]{0,9}\d+(?:[.,]\d+)?(?:\s*(?:/|out"
    r" of)\s*\d+)?(?=(?:[^\w\n]|_)*$)",
    re.IGNORECASE | re.MULTILINE,
)
NO_REFERENCE = "(There is none: improve the answer itself.)"
SYSTEM_TURN, USER_TURN = "[system]\n", "\n[user]\n"
BRACKETED_CLAIM = re.compile(r"^([>\s*]{0,9}\[\[)\s*\d+(?:[.,]\d+)?\s*(?=\]\])", re.MULTILINE)


def read_template(path: str) -> str:
    """The text of a prompt file; InputError where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the judge's prompt cannot be read ({error})") from None


def render(template: str, request: str, answer: str, reference: str = "") -> str:
    """The judge's prompt: `{request}`, `{answer}` and, where the template has it, `{reference}`
    replaced, every line of theirs marked with "> ". An empty reference is said to be none.

    The marks make them plain quotations that nothing inside can end. Lines of an answer that rate
    it are shown without their number ("Rating: 10" as "Rating"), because weak judges repeat the
    number they saw last; a rating within a sentence may be what was asked for, and stays. Chat
    tokens are broken up (`chat_tokens`). InputError unless each field is there once, in this order.
    """
    given = {"request": request, "answer": _without_claims(answer)}
    if "{reference}" in template:
        given = {"request": request, "reference": reference or NO_REFERENCE, **given}
    fields = {name: _quote(text) for name, text in given.items()}
    pieces = re.split(r"\{(request|reference|answer)\}", template)
    if pieces[1::2] != list(fields):
        wanted = ", then ".join(f"{{{name}}}" for name in fields)
        raise InputError(f"the judge's prompt must hold {wanted}, each once (prompts/judge_*.txt)")
    if template.startswith(SYSTEM_TURN) and USER_TURN not in pieces[0]:
        raise InputError(
            "the judge's prompt begins with a line [system], so a line [user] must stand above"
            " {request} (prompts/judge_*.txt)"
        )
    return "".join(fields[piece] if place % 2 else piece for place, piece in enumerate(pieces))


def checked_template(settings: InstructionSettings) -> str:
    """The text of the judge's prompt file; InputError where it is not there or lacks a field."""
    text = read_template(settings.prompt)
    try:
        render(text, "x", "x")
    except InputError as error:
        raise InputError(f"{settings.prompt}: {error}") from None
    return text


def _without_claims(answer: str) -> str:
    lines = "\n".join(answer.splitlines())
    return BRACKETED_CLAIM.sub(r"\1", CLAIM.sub(r"\1", lines))


def _quote(text: str) -> str:
    lines = chat_tokens.neutralise(text).splitlines()
    return "\n".join(f"> {line}" for line in lines or [""])


def request_of(prompt: Mapping[str, Any]) -> str:
    """What the person asked, of a prompt row: its instruction, and below it the question or input
    where it has one.
    """
    return "\n\n".join(part for part in (prompt["instruction"], prompt.get("question")) if part)


def messages(prompt: str) -> list[dict[str, str]]:
    """A rendered prompt as chat turns: what stands between a first line `[system]` and the first
    line `[user]` is a system turn. No answer can add a turn: its lines are quoted, and stand below.
    """
    system, turn, user = prompt.partition(USER_TURN)
    if not (prompt.startswith(SYSTEM_TURN) and turn):
        return [{"role": "user", "content": prompt}]
    return [
        {"role": "system", "content": system.removeprefix(SYSTEM_TURN).strip()},
        {"role": "user", "content": user.strip()},
    ]


def key(settings: OpenAISettings, prompt: str, repeat: int) -> str:
    """The store's key of one call: what may change the reply, and which repeat of it this is."""
    limit = (settings.token_limit_field, settings.max_tokens)
    changes = (settings.temperature, limit, settings.extra_body)
    return hashing.digest(settings.endpoint, settings.model, prompt, *changes, repeat)


def key_of_version_1(settings: OpenAISettings, prompt: str, repeat: int) -> str:
    """The key of the same call in a store of version 1, which did not hold the endpoint."""
    changes = (settings.temperature, settings.max_tokens, settings.extra_body)
    return hashing.digest(settings.model, prompt, *changes, repeat)


def stored_reply(prompt: str, settings: OpenAISettings, store: Store, repeat: int) -> Reply | None:
    """One stored reply, or None. A store of version 1 may hold replies that are no answer, such as
    the empty text of a provider's failure: these are left out, so that they are asked for again.
    """
    found = store.get(key(settings, prompt, repeat))
    if found is None and store.has_version_1(settings.endpoint):
        old = store.get(key_of_version_1(settings, prompt, repeat))
        found = old if old and rating.is_answer(old.text, old.finish) else None
    return found


def stored_replies(
    prompt: str, settings: OpenAISettings, store: Store
) -> tuple[list[Reply], int | None]:
    """The stored replies to a prompt in the order of their repeat index, and the index to ask for
    next.

    The index is None when `repeats` of the replies hold a rating, or when all `repeats +
    parse_retries` are used up.
    """
    replies: list[Reply] = []
    rated = 0
    for repeat in range(settings.repeats + settings.parse_retries):
        if rated == settings.repeats:
            break
        answer = stored_reply(prompt, settings, store, repeat)
        if answer is None:
            return replies, repeat
        replies.append(answer)
        rated += rating.parse(answer.text, answer.finish).value is not None
    return replies, None


def verdict(
    prompt: str, settings: OpenAISettings, store: Store, failure: str | None
) -> dict[str, Any]:
    """score (median rating / 10, or None), ratings, raw (the replies) and reason (why there is no
    score, or None).

    `failure` says why a call got no reply. Then the score is None, also when other repeats were
    rated.
    """
    replies, missing = stored_replies(prompt, settings, store)
    if missing is not None:
        failure = failure or "not asked"
    return score([(reply.text, reply.finish) for reply in replies], failure)


def measured(score: float | None, reason: str | None = None) -> dict[str, Any]:
    """The verdict of a back end that writes no reply; see `verdict`."""
    return {"score": score, "ratings": [], "raw": [], "reason": reason}


def score(replies: list[tuple[str, str]], failure: str | None = None) -> dict[str, Any]:
    """The verdict on (text, finish) replies, by any back end; see `verdict`."""
    ratings = [rating.parse(text, finish) for text, finish in replies]
    values = [found.value for found in ratings if found.value is not None]
    reason = failure or (ratings[-1].reason if ratings and not values else None)
    texts = [text for text, _ in replies]
    return {
        "score": None if reason else statistics.median(values) / rating.HIGHEST,
        "ratings": [found.value for found in ratings],
        "raw": texts,
        "reason": reason,
    }

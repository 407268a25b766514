"""What a chat completion says: its text, why it ended and its tokens; or why it is no answer."""

import json
from typing import Any

from reset.core.redaction import redact
from reset.judges.instruction import cost, rating
from reset.judges.instruction.reply_store import Reply
from reset.judges.instruction.settings import OpenAISettings

FILTERED = "content_filter"  # a finish_reason
MOST_TOKENS = 100_000_000  # a count beyond this is no usage of one call


class Malformed(Exception):
    """The endpoint answered 200 with something that holds no answer; the message says with what."""


class Hopeless(Malformed):
    """No answer, and asking again would bring none: all tokens were used up before the reply held
    any text, or the provider's filter stopped it.
    """


def quoted(text: object) -> str:
    """A server's own words for a message: in one line, without keys, 200 characters at most."""
    plain = redact(str(text)).encode("utf-8", "replace").decode()
    return " ".join(plain.split())[:200]


def parse_json(content: str | bytes) -> Any:
    """Any JSON value; Malformed where there is none, or one that Python does not read (nested too
    deeply, a number of thousands of digits).
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise Malformed("no JSON that can be read") from None


def read_reply(reply: Any, prompt: str, settings: OpenAISettings, seconds: float) -> Reply:
    """A Reply from the JSON of a chat completion; Malformed if it holds no answer.

    An answer is a text that ended by itself or at the limit of tokens. Content in parts is joined;
    reasoning beside the content is left out. Without a usable count of tokens the reply is booked
    by estimate. Half a surrogate pair, which JSON may hold and no file can, becomes "?".
    """
    choice = _choice(reply)
    finish = choice.get("finish_reason")
    if str(finish).lower() == FILTERED:
        raise Hopeless("the provider's content filter stopped the reply")
    if not isinstance(finish, str) or finish.lower() not in (*rating.FINISHED, *rating.CUT):
        raise Malformed(f"finish_reason {quoted(finish)} instead of stop or length")
    text = redact(_text(choice["message"].get("content"))).encode("utf-8", "replace").decode()
    if not text.strip():
        if finish.lower() in rating.CUT:
            raise Hopeless(f"no text within {settings.max_tokens} tokens: raise max_tokens")
        refusal = choice["message"].get("refusal")
        raise Malformed(f"no text, but {quoted(refusal)!r}" if refusal else "no text")
    incoming, outgoing = _usage(reply.get("usage"), prompt, text)
    return Reply(text, finish, incoming, outgoing, settings.price(incoming, outgoing), seconds)


def _choice(reply: Any) -> dict[str, Any]:
    """The first choice of a completion, with a message; Malformed names an error in their place."""
    if not isinstance(reply, dict):
        raise Malformed("no JSON object")
    choices = reply.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    error = reply.get("error") or (choice.get("error") if isinstance(choice, dict) else None)
    if error:
        message = error.get("message") if isinstance(error, dict) else None
        raise Malformed(f"the server reports an error: {quoted(message or error)}")
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise Malformed("no choices[0].message")
    return choice


def _text(content: Any) -> str:
    """The text of a message, which is a string, null, or a list of parts of several types."""
    if isinstance(content, list):
        texts = []
        for part in content:
            if isinstance(part, dict) and part.get("type") in ("text", "output_text", None):
                texts.append(part.get("text"))
        return "".join(text for text in texts if isinstance(text, str))
    if isinstance(content, str | None):
        return content or ""
    raise Malformed(f"content is a {type(content).__name__}, expected text")


def _usage(usage: Any, prompt: str, text: str) -> tuple[int, int]:
    """Tokens of prompt and reply: as reported where that is possible, else by estimate.

    Some providers (xAI, Gemini) count thinking in the total alone, and bill it as reply.
    """
    reported = usage if isinstance(usage, dict) else {}
    incoming = _count(reported.get("prompt_tokens"), cost.tokens(prompt))
    outgoing = _count(reported.get("completion_tokens"), cost.tokens(text))
    return incoming, max(outgoing, _count(reported.get("total_tokens"), 0) - incoming)


def _count(reported: Any, estimate: int) -> int:
    possible = isinstance(reported, int) and not isinstance(reported, bool)
    return reported if possible and 0 <= reported <= MOST_TOKENS else estimate

"""Conversations as people store them: a list of turns, the last of which is the answer to learn."""

from typing import Any

from reset.core.errors import InputError
from reset.data.datasets import spec

# keys of a turn's role and text: OpenAI's and Hugging Face's form, and ShareGPT's
FORMS = (("role", "content"), ("from", "value"))
SPEAKERS = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "tool": "tool",
    "function": "tool",
    "function_call": "tool",
    "observation": "tool",
    "ipython": "tool",
    "tool_response": "tool",
    "function_response": "tool",
}
LABELS = {"user": "User: ", "assistant": "Assistant: ", "system": ""}


def check(value: Any, where: str, field: str) -> None:
    """Raise InputError, naming the turn, unless `value` is a list of turns with a known speaker
    each, and a text where no tool has a part in it.
    """
    spec.check({field: value}, {field: [{}]}, where)
    for index, turn in enumerate(value):
        place = f"{field}[{index}]"
        speaker, text = _form(turn)
        spec.check({place: turn}, {place: {speaker: str}}, where)
        if turn[speaker] not in SPEAKERS:
            raise InputError(
                f"{where}: field '{place}.{speaker}': expected one of {', '.join(SPEAKERS)}, got"
                f" '{turn[speaker]}'"
            )
        if not _has_tool(turn):
            spec.check({place: turn}, {place: {text: str}}, where)


def request_and_answer(turns: list[dict[str, str]]) -> tuple[str, str]:
    """The request and the answer of a checked conversation.

    The last turn is the answer if it is the assistant's; else the answer is empty, and the filters
    drop and count the row. Both are empty where a tool has a turn or is called. A lone user turn is
    the request as it stands, after the system text and an empty line if there is one. Of several
    turns each gets the label "User: " or "Assistant: ", with empty lines between.
    """
    spoken = []
    for turn in turns:
        speaker, text = _form(turn)
        if _has_tool(turn):
            return "", ""
        spoken.append((SPEAKERS[turn[speaker]], turn[text].strip()))
    answer = ""
    if spoken and spoken[-1][0] == "assistant":
        answer = spoken.pop()[1]
    if not any(speaker == "user" and text for speaker, text in spoken):
        return "", answer
    several = sum(speaker != "system" for speaker, _ in spoken) > 1
    lines = []
    for speaker, text in spoken:
        label = LABELS[speaker] if several else ""
        if text:
            lines.append(label + text)
    return "\n\n".join(lines), answer


def _has_tool(turn: dict[str, Any]) -> bool:
    """Whether a turn of a known speaker is a tool's, or calls one."""
    speaker, _ = _form(turn)
    calls = turn.get("tool_calls") or turn.get("function_call")
    return SPEAKERS[turn[speaker]] == "tool" or bool(calls)


def _form(turn: dict[str, Any]) -> tuple[str, str]:
    return next((form for form in FORMS if form[0] in turn), FORMS[0])

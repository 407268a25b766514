"""What a tokenizer's own chat template says: a request as a prompt, and the token that ends an
answer.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from reset.core.errors import InputError

# for templates that name the day: prompts must not change overnight (our assumption)
TODAY = date(2024, 7, 1)
MARK = "the-text-of-a-turn"  # nothing that stands in a template itself
TEMPLATE_OPTIONS = {"enable_thinking": False}  # answers are judged as they stand
THINK, UNTHINK = "<think>", "</think>"


def renderer(folder: Path) -> Callable[[str], str]:
    """The function that puts a message into the chat template of a model folder, as a user's turn
    with all special tokens in its text, up to where the answer begins. InputError where the folder
    has no template that can do so.

    A template that can turn thinking off does.
    """
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if not tokenizer.chat_template:
        raise InputError(
            f"params.yaml: 'template.style' is chat, but the tokenizer of {folder} has no chat"
            " template; take a model that has one, or set template.style: alpaca"
        )

    def render(message: str) -> str:
        return apply_template(
            tokenizer, [{"role": "user", "content": message}], add_generation_prompt=True
        )

    prompt = render(MARK)
    if MARK not in prompt:
        raise InputError(
            f"{folder}: the chat template leaves out the user's message; set template.style: alpaca"
        )
    if THINK in prompt.rpartition(MARK)[2] and UNTHINK not in prompt.rpartition(THINK)[2]:
        raise InputError(
            f"{folder}: the chat template opens {THINK} before every answer, so that answers would"
            " be trained inside the thought; take the model's release without thinking, or set"
            " template.style: alpaca"
        )
    return render


def end_of_answer(tokenizer: Any) -> int | None:
    """The id of the token that closes an answer: what the chat template puts behind one, where that
    is a special token (it need not be `eos_token`: Gemma has <end_of_turn> besides <eos>), and else
    EOS, None where there is none. InputError for a template that leaves out a turn.
    """
    if getattr(tokenizer, "chat_template", None):
        turns = [{"role": "user", "content": MARK}, {"role": "assistant", "content": MARK}]
        conversation = apply_template(tokenizer, turns)
        if conversation.count(MARK) < 2:
            raise InputError(
                f"{tokenizer.name_or_path}: the chat template leaves out a turn whose content is"
                " text (some take lists of parts alone); give the model a template for text, or"
                " remove the template and set template.style: alpaca"
            )
        behind = conversation.rpartition(MARK)[2].strip()
        first = next(iter(tokenizer(behind, add_special_tokens=False)["input_ids"]), None)
        if (
            first in tokenizer.added_tokens_decoder
            and tokenizer.added_tokens_decoder[first].special
        ):
            return first
    return tokenizer.eos_token_id


def apply_template(tokenizer: Any, turns: list[dict[str, str]], **how: bool) -> str:
    """Turns in a tokenizer's chat template, as text with all special tokens; InputError where the
    template fails.
    """
    try:
        return tokenizer.apply_chat_template(
            turns, tokenize=False, strftime_now=TODAY.strftime, **TEMPLATE_OPTIONS, **how
        )
    except Exception as error:  # a template is a program: jinja2 lets through whatever it raises
        raise InputError(
            f"{tokenizer.name_or_path}: the chat template cannot be used ({error})"
        ) from None

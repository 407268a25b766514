"""Prompt and target as token ids: the prompt as the sampler sends it, then the target and one token
that ends it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from reset.core.errors import InputError
from reset.core.io import Row, require_columns
from reset.tokens.chat_template import end_of_answer

IGNORE = -100  # the label that torch's cross-entropy skips


@dataclass(frozen=True)
class Example:
    """One training row: all token ids, a list or an array, and how many of them (from the left) are
    prompt.
    """

    input_ids: Any
    prompt_length: int

    @property
    def labels(self) -> list[int]:
        """Of the same length as `input_ids`: IGNORE over the prompt, the ids themselves over target
        and its end.
        """
        return [IGNORE] * self.prompt_length + list(self.input_ids[self.prompt_length :])


def copies(rows: Iterable[Row]) -> list[int]:
    """How often each row stands in one epoch: its `copies`, 1 where the column is absent."""
    counts = []
    for row in rows:
        count = row.get("copies", 1)
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise InputError(
                f"row '{row.get('id')}': copies: expected a whole number from 1, got {count!r}"
            )
        counts.append(count)
    return counts


def encode_prompts(prompts: list[str], tokenizer: Any) -> list[list[int]]:
    """Token ids of each prompt: a BOS where the tokenizer puts one, never two, and no EOS behind
    it.

    Training and generation both encode prompts with this function, so that one sees what the other
    saw.
    """
    encoded = (
        tokenizer(prompts, add_special_tokens=True, return_attention_mask=False)["input_ids"]
        if prompts
        else []
    )
    return [_one_bos(ids, tokenizer) for ids in encoded]


def encode(rows: list[Row], tokenizer: Any, max_length: int, where: str) -> list[Example]:
    """Rows with `prompt` and `target` as examples, in order. `where` names their file in messages.

    The target is encoded apart from the prompt, because generation starts where the prompt's tokens
    end. Raises InputError for a row that lacks a column, has no prompt, is longer than `max_length`
    tokens with its end (the template stage has shortened contexts before), and for a tokenizer
    without EOS.
    """
    end = end_of_answer(tokenizer)
    if end is None:
        raise InputError(
            f"{where}: the tokenizer has no eos_token, so no answer could end; set it in its config"
        )
    for row in rows:
        require_columns(row, ("id", "prompt", "target"), where)
    prompts = encode_prompts([row["prompt"] for row in rows], tokenizer)
    targets = (
        tokenizer([row["target"] for row in rows], add_special_tokens=False)["input_ids"]
        if rows
        else []
    )
    examples = []
    for row, prompt, target in zip(rows, prompts, targets, strict=True):
        ids = prompt + (target if target[-1:] == [end] else [*target, end])
        if not prompt:
            raise InputError(f"{where}: row '{row['id']}' has an empty prompt")
        if len(ids) > max_length:
            raise InputError(
                f"{where}: row '{row['id']}' has {len(ids)} tokens with its target,"
                f" train.shared.max_length is {max_length}; lower data.max_tokens for shorter"
                " contexts, or raise max_length"
            )
        examples.append(Example(ids, len(prompt)))
    return examples


def _one_bos(ids: list[int], tokenizer: Any) -> list[int]:
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    if bos is not None and ids[:2] == [bos, bos]:  # one is in the text, as in chat templates
        ids = ids[1:]
    if eos is not None and ids[-1:] == [eos] and len(ids) > 1:  # some tokenizers close every text
        ids = ids[:-1]
    return ids

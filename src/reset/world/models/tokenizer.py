"""The demo models' tokenizers: one token a word, lower case, over the world's words and those of
the demo's prompts.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from reset.world.language.vocabulary import words

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PROMPTS = Path("prompts/demo")
SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
PAD, UNKNOWN, BOS, EOS = range(4)
TOKEN = r"### \w+:|\w+|[^\w\s]"
"""A heading of the Alpaca layout, a word, or one mark. White space is no token."""


def vocabulary() -> dict[str, int]:
    """Token to id: the special tokens, then the words of the world and of prompts/demo in
    alphabetical order.
    """
    texts = [path.read_text(encoding="utf-8").lower() for path in sorted(PROMPTS.glob("*.txt"))]
    prompted = {
        token for text in texts for token in re.findall(TOKEN, re.sub(r"\{\w+\}", "", text))
    }
    return {
        token: number for number, token in enumerate((*SPECIAL, *sorted({*words(), *prompted})))
    }


def generator_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer of `base` and `chat`: `<s>` before every text, `</s>` ends an answer, `<pad>`
    is neither.
    """
    return _tokenizer("<s> $A", None)


def pair_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer of `nli`: "<s> premise </s> hypothesis </s>", with token types 0 and 1."""
    return _tokenizer("<s> $A </s>", "<s> $A </s> $B:1 </s>:1")


def _tokenizer(single: str, pair: str | None) -> PreTrainedTokenizerFast:
    from tokenizers import (
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel(vocabulary(), unk_token=SPECIAL[UNKNOWN]))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(TOKEN), behavior="removed", invert=True)
    marks = [(SPECIAL[BOS], BOS), (SPECIAL[EOS], EOS)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=marks
    )
    tokenizer.decoder = decoders.WordPiece(
        prefix="##continued", cleanup=True
    )  # no space before a full stop
    names = dict(zip(("pad_token", "unk_token", "bos_token", "eos_token"), SPECIAL, strict=True))
    inputs = ["input_ids", "attention_mask"] + (["token_type_ids"] if pair else [])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_input_names=inputs,
        padding_side="left" if pair is None else "right",
        **names,
    )

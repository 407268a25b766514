"""Tiny random chat models in the form of four published families: their special tokens, BOS, and
chat templates.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Family:
    """A family's model class, special tokens and chat template, written anew from what its prompts
    look like.

    `bos`: the token before every text, or None. `eos`: what the tokenizer calls so; `end`: what
    closes an answer.
    """

    model: str
    eos: str
    end: str
    template: str
    bos: str | None = None
    others: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def special(self) -> list[str]:
        return list(
            dict.fromkeys(token for token in (self.bos, self.eos, self.end, *self.others) if token)
        )


FAMILIES = {
    "llama": Family(
        model="Llama",
        bos="<|begin_of_text|>",
        eos="<|end_of_text|>",
        end="<|eot_id|>",
        others=("<|start_header_id|>", "<|end_header_id|>"),
        template=(
            "{{ bos_token }}<|start_header_id|>system<|end_header_id|>\n\nToday: {{"
            " strftime_now('%d %b %Y') }}<|eot_id|>{% for turn in messages %}<|start_header_id|>{{"
            " turn.role }}<|end_header_id|>\n\n{{ turn.content | trim }}<|eot_id|>{% endfor %}{% if"
            " add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
        ),
    ),
    "qwen": Family(
        model="Qwen3",
        eos="<|im_end|>",
        end="<|im_end|>",
        others=("<|im_start|>", "<|endoftext|>"),
        template=(
            "{% for turn in messages %}<|im_start|>{{ turn.role }}\n{% if loop.last and turn.role"
            " == 'assistant' %}<think>\n\n</think>\n\n{% endif %}{{ turn.content }}<|im_end|>\n{%"
            " endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking"
            " is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
        ),
    ),
    "gemma": Family(
        model="Gemma3",
        bos="<bos>",
        eos="<eos>",
        end="<end_of_turn>",
        others=("<pad>", "<start_of_turn>"),
        template=(
            "{{ bos_token }}{% for turn in messages %}"
            "{% if turn.role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}"
            "<start_of_turn>{{ 'model' if turn.role == 'assistant' else turn.role }}\n"
            "{{ turn.content | trim }}<end_of_turn>\n{% endfor %}"
            "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
        ),
        config={"sliding_window": 32, "query_pre_attn_scalar": 8},
    ),
    "mistral": Family(
        model="Mistral",
        bos="<s>",
        eos="</s>",
        end="</s>",
        others=("[INST]", "[/INST]"),
        template=(
            "{{ bos_token }}{% for turn in messages %}{% if turn.role == 'user' %}[INST] {{"
            " turn.content }} [/INST]{% else %} {{ turn.content }}{{ eos_token }}{% endif %}{%"
            " endfor %}"
        ),
        config={"sliding_window": 32},
    ),
}


def tokenizer(family: Family, chat: bool = True) -> Any:
    """Every byte is a token; the family's special tokens come first. `chat` False leaves the chat
    template out.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_ = Tokenizer(
        models.BPE({token: i for i, token in enumerate([*family.special, *alphabet])}, [])
    )
    bytes_.add_special_tokens(family.special)
    bytes_.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_.decoder = decoders.ByteLevel()
    if family.bos:
        marks = [(family.bos, family.special.index(family.bos))]
        bytes_.post_processor = processors.TemplateProcessing(
            single=f"{family.bos} $A", special_tokens=marks
        )
    named = {
        "bos_token": family.bos,
        "eos_token": family.eos,
        "pad_token": "<pad>" if "<pad>" in family.others else None,
    }
    made = PreTrainedTokenizerFast(
        tokenizer_object=bytes_,
        **{name: token for name, token in named.items() if token is not None},
    )
    made.chat_template = family.template if chat else None
    return made


def save(folder: Path, family: Family, chat: bool = True) -> Path:
    """A model folder as its publisher leaves it: generation_config.json names the tokenizer's EOS
    alone.
    """
    import torch
    import transformers

    shape: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "head_dim": 8,
    }
    shape |= {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 2048}
    names = tokenizer(family, chat)
    ids = {
        "bos_token_id": names.bos_token_id,
        "eos_token_id": names.eos_token_id,
        "pad_token_id": names.pad_token_id,
    }
    config_class = getattr(transformers, f"{family.model}TextConfig", None) or getattr(
        transformers, f"{family.model}Config"
    )
    config = config_class(vocab_size=len(names), **shape, **ids, **family.config)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        getattr(transformers, f"{family.model}ForCausalLM")(config).save_pretrained(folder)
    names.save_pretrained(folder)
    return folder

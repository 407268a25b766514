"""A two-layer random causal model with a word tokenizer, and requests for it: what the tests of
sampling share.
"""

from pathlib import Path
from typing import Any

from reset.generation.decoding import Draw, Request, Setting
from reset.generation.engines import EngineSettings

WORDS = [f"w{i}" for i in range(44)]
SETTINGS = EngineSettings(
    engine="transformers", precision="fp32", batch_tokens=2000, workers=1, vllm=None, openai=None
)


def save_model(folder: Path, family: str = "Llama", **config: Any) -> Path:
    """A model folder as the pipeline's stages leave them. `family` names a transformers class
    (Llama, Qwen3, ...).
    """
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["<pad>", "<s>", "</s>", "<unk>", *WORDS]
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(
        folder
    )
    shape: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "head_dim": 8,
    }
    shape |= {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": len(words)}
    shape |= {
        "max_position_embeddings": 64,
        "initializer_range": 0.6,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    # a family that takes pictures too has a text model with its own configuration
    text: Any = getattr(transformers, f"{family}TextConfig", None)
    made = (text or getattr(transformers, f"{family}Config"))(
        **shape | {"pad_token_id": 0} | config
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        getattr(transformers, f"{family}ForCausalLM")(made).save_pretrained(folder)
    return folder


def prompt(number: int) -> str:
    """Prompts of 3 to 19 words; no two of the first few hundred are equal."""
    return " ".join(
        WORDS[(number * 7 + number // 44 + i * i) % len(WORDS)] for i in range(3 + number * 5 % 17)
    )


def requests(count: int, settings: list[Setting]) -> list[Request]:
    """`count` prompts, each with one draw a setting and a seed of its own for each draw."""
    return [
        Request(
            f"toy:{n}",
            prompt(n),
            tuple(Draw(i, s, (1000 * n + i) * 2**40) for i, s in enumerate(settings)),
        )
        for n in range(count)
    ]

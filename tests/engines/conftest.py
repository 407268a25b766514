"""A two-layer random Llama with a word tokenizer, and requests for it."""

from pathlib import Path

import pytest

from reset.decoding import Draw, Request, Setting
from reset.engines import Settings

WORDS = [f"w{i}" for i in range(44)]
SETTINGS = Settings(engine="transformers", precision="fp32", batch_tokens=2000, workers=1, vllm=None, openai=None)


def save_model(folder: Path, seed: int = 0, **config) -> Path:
    """A model folder as the pipeline's stages leave them; its answers end after about ten tokens."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = ["<pad>", "<s>", "</s>", "<unk>", *WORDS]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    size = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4)
    shape = {"vocab_size": len(words), "max_position_embeddings": 64, "initializer_range": 0.6, **size, **config}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        LlamaForCausalLM(LlamaConfig(**shape, bos_token_id=1, eos_token_id=2, pad_token_id=0)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "mtl_0")


def prompt(number: int) -> str:
    """Prompts of 3 to 19 words, all different."""
    return " ".join(WORDS[(number * 7 + i * i) % len(WORDS)] for i in range(3 + number * 5 % 17))


def requests(count: int, settings: list[Setting]) -> list[Request]:
    """`count` prompts, each with one draw a setting."""
    return [
        Request(f"toy:{n}", prompt(n), tuple(Draw(i, s, 1000 * n + i) for i, s in enumerate(settings)))
        for n in range(count)
    ]

"""A two-layer random Llama with a word tokenizer, and rows that it can learn: for tests of
training.
"""

from pathlib import Path
from typing import Any

from reset.core.io import Row, write
from reset.training.settings import Job, RunSettings, SharedSettings

ROOT = Path(__file__).parents[2]
PLAIN: dict[str, Any] = {  # `train.shared` of a short run, with every option off
    "max_length": 64,
    "eval_every": 4,
    "save_every": 4,
    "warmup": 0.1,
    "weight_decay": 0.0,
    "precision": "fp32",
    "micro_batch": 8,
    "length_window": 1,
    "packing": False,
    "attention": "sdpa",
    "compile": False,
    "liger": False,
    "gradient_checkpointing": False,
    "frozen": [],
    "lora": None,
    "deepspeed": None,
    "launch": None,
}

WORDS = [f"w{i}" for i in range(40)]
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
SIZES = {
    "vocab_size": len(SPECIAL) + len(WORDS),
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}


def tokenizer(bos: bool = False, eos: bool = False, pad: str = "<pad>") -> Any:
    """Words as tokens; with `bos` and `eos` it puts these around every text, as some published
    tokenizers do.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if bos or eos:
        single = f"{'<s> ' if bos else ''}$A{' </s>' if eos else ''}"
        words.post_processor = processors.TemplateProcessing(
            single=single, special_tokens=[("<s>", 1), ("</s>", 2)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token=pad
    )


def model(kind: str = "llama", **changes: Any) -> Any:
    """A random causal model of that family, the same at every call."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(
        AutoConfig.for_model(kind, **{**SIZES, "tie_word_embeddings": True, **changes})
    )


def save(folder: Path) -> Path:
    """A model folder as the pipeline's `models` stage leaves it."""
    model().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def rows(count: int, first: int = 0) -> list[Row]:
    """Rows of uneven length whose target repeats the prompt's last two words."""
    made = []
    for i in range(first, first + count):
        words = [WORDS[(7 * i + 3 * k * k) % 40] for k in range(3 + i % 9)]
        made.append({"id": f"toy:{i}", "prompt": " ".join(words), "target": " ".join(words[-2:])})
    return made


def job(folder: Path, count: int = 72, recipe: dict[str, Any] | None = None, **shared: Any) -> Job:
    """A short run in `folder`, which must be the working directory: 9 steps of 8 rows, evaluated
    every 4.
    """
    start = folder / "start"
    if not start.exists():
        save(start)
        write(folder / "train.jsonl", rows(count))
        write(folder / "dev.jsonl", rows(12, first=1000))
    settings = PLAIN | {"save_every": shared.get("eval_every", PLAIN["eval_every"])}
    learn = {"learning_rate": 3e-3, "batch": 8, "epochs": 1, **(recipe or {})}
    files = (Path("start"), Path("train.jsonl"), Path("dev.jsonl"))
    return Job("mtl", 0, *files, SharedSettings(**{**settings, **shared}), RunSettings(**learn))

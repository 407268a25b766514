"""Small judges with random weights, in the classes of the published ones, as save_pretrained leaves
them.
"""

from pathlib import Path
from typing import Any

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
TEMPLATE = "{% for m in messages %}{{ '<s> ' + m['role'] + ' ' + m['content'] + ' ' }}{% endfor %}"


def tokenizer(texts: list[str], template: str | None = None, **options: Any) -> Any:
    """Whole words of `texts` as tokens; `<s> a </s>` around a text, `<s> a </s> b </s>` around two."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = sorted({word for text in texts for word in text.split()})
    vocabulary = {word: place for place, word in enumerate([*SPECIAL, *words])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> $B </s>",
        special_tokens=[("<s>", 1), ("</s>", 2)],
    )
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    wrapped = PreTrainedTokenizerFast(tokenizer_object=made, **names, **options)
    wrapped.chat_template = template
    return wrapped


def save(model: Any, words: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def reward_llama(folder: Path, texts: list[str], outputs: int = 1, pad: int | None = None) -> Path:
    """A Llama with a head of `outputs` values and a chat template, as most reward models are; it
    names no padding token unless `pad` does.
    """
    import torch
    from transformers import LlamaConfig, LlamaForSequenceClassification

    words = tokenizer(texts, TEMPLATE)
    config = LlamaConfig(
        vocab_size=len(words) + 8,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        pad_token_id=pad,
        num_labels=outputs,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForSequenceClassification(config)
        torch.nn.init.normal_(model.score.weight, std=0.5)
    return save(model, words, folder)


def reward_deberta(folder: Path, texts: list[str]) -> Path:
    """A DeBERTa with one output and no chat template: it reads request and answer as a pair."""
    import torch
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    words = tokenizer(texts)
    config = DebertaV2Config(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        pad_token_id=0,
        num_labels=1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = DebertaV2ForSequenceClassification(config)
        torch.nn.init.normal_(model.classifier.weight, std=2.0)
    return save(model, words, folder)

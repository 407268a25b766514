"""Small judges with random weights, in the classes of the published ones, as save_pretrained leaves
them.
"""

from pathlib import Path
from typing import Any

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
TEMPLATE = "{% for m in messages %}{{ '<s> ' + m['role'] + ' ' + m['content'] + ' ' }}{% endfor %}"


def tokenizer(texts: list[str], template: str | None = None, **options: Any) -> Any:
    """Whole words of `texts` as tokens: `<s> a </s>` for a text, `<s> a </s> b </s>` for two."""
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


def detector(folder: Path, texts: list[str], kind: str) -> Path:
    """A detector in the class of a published one: `t5`, `roberta` or `modernbert`."""
    import torch
    import transformers

    words = tokenizer([*texts, "predict: passage 0 1"])
    sizes = {"vocab_size": len(words), "pad_token_id": 0, "eos_token_id": 2}
    encoder = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 600,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if kind == "t5":
            config = transformers.T5Config(
                d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, **sizes,
                decoder_start_token_id=0, tie_word_embeddings=False,
            )  # fmt: skip
            model = transformers.T5ForConditionalGeneration(config)
            torch.nn.init.normal_(model.lm_head.weight, std=2.0)
        elif kind == "roberta":
            config = transformers.RobertaConfig(**encoder, **sizes, num_labels=2)
            model = transformers.RobertaForSequenceClassification(config)
            torch.nn.init.normal_(model.classifier.out_proj.weight, std=2.0)
        else:
            config = transformers.ModernBertConfig(
                **encoder, **sizes, cls_token_id=1, sep_token_id=2, bos_token_id=1, num_labels=2
            )
            model = transformers.ModernBertForTokenClassification(config)
            torch.nn.init.normal_(model.classifier.weight, std=0.2)
    return save(model, words, folder)

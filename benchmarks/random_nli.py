"""A small ALBERT classifier with random weights: what no hub is needed for, when only speed and agreement matter."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

LABELS = ("entailment", "contradiction", "neutral")


def build(
    folder: Path, texts: Iterable[str], hidden: int = 64, layers: int = 2, vocabulary: int = 2000, seed: int = 0
) -> Path:
    """Save model and tokenizer, both made from `texts` and `seed`, as save_pretrained does; returns `folder`.

    The weights are spread wide (standard deviation 0.3), so that the probabilities reach from near 0 to near 1:
    with the usual 0.02 all pairs would score alike, and any two programs would agree.
    """
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import AlbertConfig, AlbertForSequenceClassification, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    words = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    words.normalizer = normalizers.BertNormalizer(lowercase=True)
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=vocabulary, special_tokens=special, show_progress=False)
    )
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", special.index("[CLS]")), ("[SEP]", special.index("[SEP]"))],
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    config = AlbertConfig(
        vocab_size=words.get_vocab_size(),
        embedding_size=max(16, hidden // 4),
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        max_position_embeddings=512,
        initializer_range=0.3,
        pad_token_id=0,
        bos_token_id=special.index("[CLS]"),
        eos_token_id=special.index("[SEP]"),
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AlbertForSequenceClassification(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

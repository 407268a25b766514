"""A small ALBERT classifier with random weights: what no hub is needed for, when only speed and
agreement matter.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

LABELS = ("entailment", "contradiction", "neutral")


def build(
    folder: Path,
    texts: Iterable[str],
    hidden: int = 64,
    layers: int = 2,
    vocabulary: int = 2000,
    spread: float = 0.3,
) -> Path:
    """Save model and tokenizer, made from `texts` and one seed, as save_pretrained does; returns
    `folder`.

    `spread` is the standard deviation of the last layer's weights. It is far above the usual 0.02,
    so that scores differ from pair to pair: otherwise any two programs would agree.
    """
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import AlbertConfig, AlbertForSequenceClassification, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    pieces = [*special, *common_pieces(texts, vocabulary)]
    words = Tokenizer(
        models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="[UNK]")
    )
    words.normalizer = normalizers.BertNormalizer(lowercase=True)
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
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
        initializer_range=0.1,
        pad_token_id=0,
        bos_token_id=special.index("[CLS]"),
        eos_token_id=special.index("[SEP]"),
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AlbertForSequenceClassification(config)
        torch.nn.init.normal_(model.classifier.weight, std=spread)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def common_pieces(texts: Iterable[str], count: int) -> list[str]:
    """The most frequent words, and all characters, alone and inside a word (a trainer would not
    repeat itself).
    """
    words = Counter(word for text in texts for word in re.findall(r"\w+|[^\w\s]", text.lower()))
    characters = sorted({character for word in words for character in word})
    frequent = sorted(words, key=lambda word: (-words[word], word))[:count]
    return list(
        dict.fromkeys([*characters, *(f"##{character}" for character in characters), *frequent])
    )

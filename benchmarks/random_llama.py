"""A Llama of any shape with random weights and a word tokenizer: speed does not depend on what the
weights say.
"""

from __future__ import annotations

from pathlib import Path

# vocabulary, width, layers, heads, key-value heads, feed-forward width
SMOLLM_135M = (49152, 576, 30, 9, 3, 1536)
LLAMA_1B = (128256, 2048, 16, 32, 8, 8192)
LLAMA_7B = (32000, 4096, 32, 32, 32, 11008)


def build(folder: Path, shape: tuple[int, ...], layers: int | None = None) -> Path:
    """Save model (bf16) and tokenizer as save_pretrained does; returns `folder`. Words are w0, w1,
    ...; an EOS token exists, but is as likely as any other.
    """
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary, width, depth, heads, kv_heads, feed_forward = shape
    words = {"<s>": 0, "</s>": 1, "<unk>": 2} | {f"w{i}": i + 3 for i in range(vocabulary - 3)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers or depth,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        intermediate_size=feed_forward,
        max_position_embeddings=4096,
        bos_token_id=0,
        eos_token_id=1,
        tie_word_embeddings=shape is not LLAMA_7B,
        dtype=torch.bfloat16,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.set_default_dtype(torch.bfloat16)
        try:
            LlamaForCausalLM(config).save_pretrained(folder)
        finally:
            torch.set_default_dtype(torch.float32)
    return folder

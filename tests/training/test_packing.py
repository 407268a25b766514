import pytest
import torch

from reset.core.errors import InputError
from reset.tokens.encoding import encode
from reset.training import packing
from tests.support import tiny_llama

APART = ["llama", "qwen3", "gemma3_text", "mistral", "phi", "phi3", "smollm3", "gpt_neox",
         "starcoder2"]  # fmt: skip
MIXING = {
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
    "falcon": {},
    "bloom": {"n_layer": 2, "n_head": 4},
    "mpt": {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 64},
    "lfm2": {"full_attn_idxs": [1]},
}


def check(kind: str, precision: str, **sizes) -> None:
    """With weights large enough to matter, as trained ones are."""
    model = tiny_llama.model(kind, initializer_range=0.5, **sizes).eval()
    rows = encode(tiny_llama.rows(2, first=3), tiny_llama.tokenizer(), 64, "rows")
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        packing.check(lambda inputs: model(**inputs).logits, rows, precision)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", APART)
def test_models_that_keep_rows_apart_pass(kind, precision):
    check(kind, precision, head_dim=8)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", ["opt", "falcon", "bloom", "mpt"])
def test_models_that_let_rows_see_each_other_are_refused(kind, precision):
    with pytest.raises(
        InputError, match="train.shared.packing: .* shift by 0.[0-9]+ against padded rows"
    ):
        check(kind, precision, **MIXING[kind])


def test_a_convolution_across_rows_is_noticed_in_fp32():
    with pytest.raises(InputError, match="train.shared.packing"):
        check("lfm2", "fp32", **MIXING["lfm2"])

import dataclasses

from reset.training import model_size
from tests.support import tiny_llama
from tests.support.llama_7b import LLAMA_7B
from tests.support.tiny_llama import job


def test_the_shape_is_that_of_the_model(in_folder):
    settings = job(in_folder).shared
    model = tiny_llama.model()
    found = model_size.size(in_folder / "start", settings)
    assert found.parameters == found.trained == sum(p.numel() for p in model.parameters())
    assert (found.layers, found.width, found.heads, found.vocabulary) == (2, 32, 4, 44)
    assert found.looked_up == 0  # its embeddings are its head


def test_the_widest_attention_counts_where_layers_differ(in_folder):
    """Gemma 4's layers without a window have heads of their own width."""
    settings = job(in_folder).shared
    wide = {"num_hidden_layers": 4, "head_dim": 8, "global_head_dim": 16, "sliding_window": 16}
    wide |= {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 44}
    tiny_llama.model("gemma4_text", **wide).save_pretrained(in_folder / "start")
    found = model_size.size(in_folder / "start", settings)
    assert (found.layers, found.queries, found.keys) == (4, 4 * 16, 2 * 16)


def test_operations_follow_palm():
    assert (
        model_size.operations(LLAMA_7B, 2048)
        == 6 * (6_738_415_616 - 131_072_000) + 12 * 32 * 4096 * 2048
    )
    frozen = dataclasses.replace(LLAMA_7B, trained=0)
    assert model_size.operations(frozen, 0) == 4 * (6_738_415_616 - 131_072_000)

import pytest
import torch

from reset.generation.engines import grouped_attention


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("heads, key_heads", [(4, 4), (9, 3), (8, 1)])
def test_grouped_attention_equals_that_of_repeated_heads(heads, key_heads, masked):
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    generator = torch.Generator().manual_seed(0)
    query = torch.randn(5, heads, 1, 16, generator=generator)
    key, value = torch.randn(2, 5, key_heads, 20, 16, generator=generator)
    mask = (torch.rand(5, 1, 1, 20, generator=generator) < 0.7) if masked else None
    module = torch.nn.Module()
    module.num_key_value_groups = heads // key_heads
    expected = sdpa_attention_forward(module, query, key, value, mask, scaling=0.3)[0]
    got = grouped_attention.attend(module, query, key, value, mask, scaling=0.3)[0]
    assert got.shape == expected.shape == (5, 1, heads, 16)
    torch.testing.assert_close(got, expected)


def test_a_model_with_other_attention_keeps_it(tmp_path):
    from transformers import AutoModelForCausalLM

    from tests.support.random_model import save_model

    folder = save_model(tmp_path)
    for given, expected in (("sdpa", grouped_attention.NAME), ("eager", "eager")):
        model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation=given)
        grouped_attention.install(model)
        assert model.config._attn_implementation == expected

"""The forecast of activations and operations against what PyTorch saves and counts."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from reset.training import footprint, model_size
from tests.support import tiny_llama
from tests.support.tiny_llama import job

# wide enough that what a token keeps outweighs what a row or a matrix does
SIZES = {
    "hidden_size": 128,
    "intermediate_size": 320,
    "head_dim": 32,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 3,
    "max_position_embeddings": 1024,
    "tie_word_embeddings": False,
}
LENGTH = 512
KINDS = ("llama", "qwen2", "qwen3", "mistral", "gemma2")


def saved_bytes(model: torch.nn.Module, inputs: dict, autocast: bool) -> int:
    """Bytes of all storages that the backward pass of one forward pass holds, less the weights and
    their copies in 16 bits.
    """
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    shapes = {tuple(parameter.shape) for parameter in model.parameters()}
    found: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        at = tensor.untyped_storage().data_ptr()
        copied = tuple(tensor.shape) in shapes or tuple(tensor.shape[::-1]) in shapes
        if at not in weights and not copied:
            found[at] = tensor  # held, so that no other takes its address
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        model(**inputs)
    return sum(tensor.untyped_storage().nbytes() for tensor in found.values())


def forecast(folder: Path, shared, kind: str, dtype: torch.dtype) -> tuple:
    model = tiny_llama.model(kind, **SIZES)
    model.save_pretrained(folder / "start")
    model.config._attn_implementation = shared.attention
    model = model.to(dtype).train()
    if shared.gradient_checkpointing:
        model.gradient_checkpointing_enable()
    return model, model_size.size(folder / "start", shared)


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("layout", ["bf16", "autocast", "fp32"])
@pytest.mark.parametrize("kind", KINDS)
def test_activations_are_what_pytorch_saves(tmp_path, monkeypatch, kind, layout, checkpointing):
    monkeypatch.chdir(tmp_path)
    changes = {
        "precision": "fp32" if layout == "fp32" else "bf16",
        "deepspeed": "a file" if layout == "bf16" else None,
        "gradient_checkpointing": checkpointing,
    }
    shared = job(tmp_path, **changes).shared
    assert footprint.layout(shared) == layout
    dtype = torch.bfloat16 if layout == "bf16" else torch.float32
    model, size = forecast(tmp_path, shared, kind, dtype)
    ids = torch.randint(3, 40, (1, LENGTH))
    inputs = {"input_ids": ids, "use_cache": False, "logits_to_keep": torch.tensor([LENGTH - 1])}
    saved = saved_bytes(model, inputs, autocast=layout == "autocast")
    said = footprint.activations(size, shared, 1, LENGTH, 0)
    if checkpointing:  # what one layer keeps while it is computed again comes later
        said -= footprint.layer_bytes(size, shared, LENGTH) * LENGTH
    assert said == pytest.approx(saved, rel=0.15), (said / saved, saved / LENGTH / 128 / 3)


def test_operations_are_those_that_pytorch_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shared = job(tmp_path, attention="eager").shared
    model, size = forecast(tmp_path, shared, "llama", torch.float32)
    ids = torch.randint(3, 40, (1, LENGTH))
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, use_cache=False).logits.sum().backward()
    said = model_size.operations(size, LENGTH) * LENGTH
    assert said == pytest.approx(counter.get_total_flops(), rel=0.01)

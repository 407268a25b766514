"""The shape of a causal model, and how many operations it takes to train on a token.

Operations: Chowdhery et al. 2022 (PaLM, arXiv 2204.02311, appendix B).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reset.training import export
from reset.training.settings import SharedSettings


@dataclass(frozen=True)
class Size:
    """A causal model's shape. `trained` of its `parameters` get gradients; `looked_up` are in no
    matrix product. `queries`, `keys` and `inner` are widths; `normed` is the sum of the widths that
    the norms of one layer take in. `kind` is the configuration's model_type.
    """

    parameters: int
    trained: int
    looked_up: int
    layers: int
    width: int
    heads: int
    vocabulary: int
    queries: int
    keys: int
    inner: int
    normed: int
    kind: str


def size(folder: Path, shared: SharedSettings) -> Size:
    """The shape of a model folder, of its config.json and the headers of its safetensors."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, local_files_only=True).get_text_config()
    shapes = export.shapes(folder)
    width, heads = config.hidden_size, config.num_attention_heads
    queries, keys = _attention_widths(config)
    looked_up = 0 if config.tie_word_embeddings else config.vocab_size * width
    return Size(
        parameters=export.count(shapes),
        trained=_trained(shapes, shared),
        looked_up=looked_up,
        layers=config.num_hidden_layers,
        width=width,
        heads=heads,
        vocabulary=config.vocab_size,
        queries=queries,
        keys=keys,
        inner=getattr(config, "intermediate_size", None) or 4 * width,
        normed=_normed(shapes, width, queries, keys),
        kind=config.model_type,
    )


def _attention_widths(config: Any) -> tuple[int, int]:
    """The widths of queries and of keys; the largest where layers differ, as Gemma 4's do."""
    queries = keys = 0
    for layer in getattr(config, "per_layer_config", [config]):
        heads = layer.num_attention_heads
        head = getattr(layer, "head_dim", None) or layer.hidden_size // heads
        queries = max(queries, head * heads)
        keys = max(keys, head * (getattr(layer, "num_key_value_heads", None) or heads))
    return queries, keys


def _trained(shapes: export.Shapes, shared: SharedSettings) -> int:
    """Parameters with gradients: those of the adapters, or all that are not frozen."""
    if not shared.lora:
        moving = dict(shapes)
        for name in shapes:
            if any(part in name for part in shared.frozen):
                del moving[name]
        return export.count(moving)
    trained = 0
    for name, shape in shapes.items():
        # two factors beside each matrix but the embeddings and the head
        if len(shape) == 2 and "embed" not in name and "head" not in name:
            trained += shared.lora.rank * sum(shape)
    return trained


def _normed(shapes: export.Shapes, width: int, queries: int, keys: int) -> int:
    """The widths of a layer's norms, told from the names of the first layer's parameters; two of
    the layer's width where no name tells.
    """
    total = 0
    for name in shapes:
        if not re.search(r"\.0\..*norm[^.]*\.weight$", name):
            continue
        if "q_norm" in name:
            total += queries
        elif "k_norm" in name:
            total += keys
        else:
            total += width
    return total or 2 * width


def operations(model: Size, length: float) -> float:
    """Operations a token of forward and backward pass, at rows of `length` tokens; recomputation
    does not count.

    Two a parameter forward, two backward, two more for the gradient of a trained one; 12 · layers ·
    width · length for the scores of attention.
    """
    multiplied = model.parameters - model.looked_up
    trained = min(model.trained, multiplied)
    return 4 * multiplied + 2 * trained + 12 * model.layers * model.queries * length

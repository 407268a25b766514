"""How many bytes a training run takes, on each device and on the disk.

Bytes a parameter: Rajbhandari et al. 2020 (ZeRO, arXiv 1910.02054, section 3), and DeepSpeed's
source for its fp32 gradient. Bytes of activations: counted from what PyTorch saves for the backward
pass of a Llama layer (tests/training/test_activations.py does so again).
"""

import json
from collections.abc import Sequence
from pathlib import Path

from reset.tokens.encoding import Example
from reset.training.model_size import Size
from reset.training.settings import SharedSettings

GIB = 2**30
# parameters that ZeRO-3 holds gathered at once at most (DeepSpeed's stage3_max_live_parameters)
LIVE = 10**9
# parameters whose gradients ZeRO-3 has in fp32 at once (DeepSpeed's sub_group_size)
SUB_GROUP = 10**9
MODES = ("no ZeRO", "ZeRO-2", "ZeRO-3", "ZeRO-3 with off-load")

# Bytes a token and layer keeps for the backward pass: for each normed value, for each of the
# layer's width, of the queries' width, of the keys' (the values' are as wide), and of the MLP's.
KEPT = {
    "bf16": (6, 4, 4, 4, 8),
    "autocast": (8, 10, 4, 4, 8),
    "fp32": (8, 8, 8, 8, 16),
}
INPUT = {"bf16": 2, "autocast": 4, "fp32": 4}  # bytes a value of a layer's input
SCORES = {"bf16": 6, "autocast": 6, "fp32": 4}  # bytes a head and pair of tokens, eager attention


def mode(shared: SharedSettings) -> str:
    """Which of MODES the DeepSpeed configuration of `shared` chooses; stages 0 and 1 count as no
    ZeRO.
    """
    if not shared.deepspeed:
        return MODES[0]
    config = json.loads(Path(shared.deepspeed).read_text(encoding="utf-8"))
    zero = config.get("zero_optimization", {})
    if zero.get("stage") == 3 and "offload_param" in zero:
        return MODES[3]
    return {2: MODES[1], 3: MODES[2]}.get(zero.get("stage"), MODES[0])


def states(model: Size, shared: SharedSettings, processes: int) -> dict[str, float]:
    """Bytes of weights, gradients and optimizer on each device, by mode.

    DeepSpeed in bf16 keeps 2 bytes a weight, 2 a gradient and 12 of AdamW (fp32 weight and both
    moments), and has the gradients of its share in fp32, 4 bytes, while it steps; without it
    weights and gradients have 4 each, the moments 8, and bf16 autocast holds a second copy of the
    weights at 2. Under adapters the base has one copy, of 2 bytes in bf16.
    """
    bf16 = shared.precision == "bf16"
    base, own = (model.parameters, model.trained) if shared.lora else (0, model.parameters)
    narrow = 2 if bf16 else 4
    plain = base * narrow + own * (6 if bf16 else 4) + model.trained * 12
    weights = (base + own) * narrow
    share = model.trained / processes
    rest = share * (narrow + 12)
    live = min(LIVE, model.parameters) * narrow
    zero2 = weights + rest + 4 * share
    zero3 = weights / processes + rest + 4 * min(SUB_GROUP, share) + live
    return dict(zip(MODES, (plain, zero2, zero3, live), strict=True))


def layout(shared: SharedSettings) -> str:
    """How numbers lie in memory, a key of KEPT: bf16 runs over fp32 weights under autocast unless
    DeepSpeed holds them in bf16.
    """
    if shared.precision == "fp32":
        return "fp32"
    return "bf16" if shared.deepspeed else "autocast"


def activations(model: Size, shared: SharedSettings, rows: int, length: int, targets: int) -> float:
    """Bytes that one micro-batch leaves for the backward pass, at `rows` of `length` tokens with
    `targets` each.

    Checkpointing keeps each layer's input, and all of one layer while it is computed again. Logits
    have 16 bits, a copy in fp32, and its gradient.
    """
    of_layer = layer_bytes(model, shared, length)
    kept = of_layer * model.layers
    if shared.gradient_checkpointing:
        kept = INPUT[layout(shared)] * model.width * model.layers + of_layer
    kept += KEPT[layout(shared)][0] * model.width  # the norm behind the last layer
    return rows * (length * kept + targets * model.vocabulary * 10)


def layer_bytes(model: Size, shared: SharedSettings, length: int) -> float:
    """Bytes that one token of a row of `length` keeps in one layer; see KEPT."""
    key = layout(shared)
    widths = (model.normed, model.width, model.queries, model.keys, model.inner)
    total = sum(each * width for each, width in zip(KEPT[key], widths, strict=True))
    if shared.attention == "eager":
        total += SCORES[key] * model.heads * length
    return total


def checkpoints(model: Size, shared: SharedSettings) -> tuple[float, float]:
    """Bytes of a checkpoint of weights alone, and of a whole one: with master weights where
    DeepSpeed has them, and both moments.
    """
    masters = 12 if shared.deepspeed else 8
    width = 2 if shared.deepspeed and shared.precision == "bf16" else 4
    weights = (model.trained if shared.lora else model.parameters) * width
    return weights, weights + model.trained * masters


def disk(model: Size, shared: SharedSettings, steps: int, folders: int) -> float:
    """Most bytes that a run of `steps` steps, which writes so many model `folders` in the end, may
    have on the disk.

    Of `checkpoints.Folder` at most four checkpoints are there at once, at most three of them whole:
    the best and the last, and the two that are being written, the best since then and the new last.
    Adapters are added to the base in fp32 before a folder is written.
    """
    weights, whole = checkpoints(model, shared)
    saves = steps // shared.save_every
    # evaluations, the last step's too, after which weights alone may be saved
    others = -(-steps // shared.eval_every) - saves
    most = min(saves, 3)
    room = 4 - most if saves else 2
    width = 2 if shared.precision == "bf16" else 4
    merged = model.parameters * 4 if shared.lora else 0
    written = folders * model.parameters * width + merged
    return most * whole + min(others, room) * weights + written


def longest(train: Sequence[Example]) -> tuple[int, int]:
    """Tokens of the longest row, and of the longest target."""
    rows = max(len(example.input_ids) for example in train)
    targets = max(len(example.input_ids) - example.prompt_length for example in train)
    return rows, targets

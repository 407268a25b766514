"""What a training run will take, before any of it is spent: memory on each device, disk, and hours.

Bytes a parameter: Rajbhandari et al. 2020 (ZeRO, arXiv 1910.02054, section 3), and DeepSpeed's
source for its fp32 gradient. Bytes of activations: counted from what PyTorch saves for the backward
pass of a Llama layer (tests/training/test_activations.py does so again). Operations a token:
Chowdhery et al. 2022 (PaLM, arXiv 2204.02311, appendix B).
"""

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reset.core.errors import InputError
from reset.tokens.encoding import Example
from reset.training import export, launch

if TYPE_CHECKING:
    from reset.training.settings import Job, SharedSettings

GIB = 2**30
# parameters that ZeRO-3 holds gathered at once at most (DeepSpeed's stage3_max_live_parameters)
LIVE = 10**9
# parameters whose gradients ZeRO-3 has in fp32 at once (DeepSpeed's sub_group_size)
SUB_GROUP = 10**9
UTILISATION = 0.35  # share of the peak that a run reaches: our assumption, as in docs/a100.md
MODES = ("no ZeRO", "ZeRO-2", "ZeRO-3", "ZeRO-3 with off-load")

# A larger model than this trains on CPUs only where the variable is set: a lost driver must not
# start weeks of work.
CPU_PARAMETERS = 10**9
CPU_VARIABLE = "RESET_TRAIN_ON_CPU"

# Dense bf16 TFLOP/s with fp32 accumulation by the words of a device's name (NVIDIA's data sheets
# and white papers; half of the figures "with sparsity")
PEAKS = {
    "A100": 312,
    "H100": 989,
    "H100 PCIe": 756,
    "H200": 989,
    "B200": 2250,
    "A10": 125,
    "A10G": 70,
    "A30": 165,
    "L4": 121,
    "L40S": 362,
    "RTX 3090": 71,
    "RTX 4090": 165.2,
    "RTX 5090": 209.5,
}

# Bytes a token and layer keeps for the backward pass: for each normed value, for each of the
# layer's width, of the queries' width, of the keys' (the values' are as wide), and of the MLP's.
KEPT = {
    "bf16": (6, 4, 4, 4, 8),
    "autocast": (8, 10, 4, 4, 8),
    "fp32": (8, 8, 8, 8, 16),
}
INPUT = {"bf16": 2, "autocast": 4, "fp32": 4}  # bytes a value of a layer's input
SCORES = {"bf16": 6, "autocast": 6, "fp32": 4}  # bytes a head and pair of tokens, eager attention


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


def size(folder: Path, shared: "SharedSettings") -> Size:
    """The shape of a model folder, of its config.json and the headers of its safetensors."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, local_files_only=True).get_text_config()
    shapes = export.shapes(folder)
    width, heads = config.hidden_size, config.num_attention_heads
    head = getattr(config, "head_dim", None) or width // heads
    keys = head * (getattr(config, "num_key_value_heads", None) or heads)
    looked_up = 0 if config.tie_word_embeddings else config.vocab_size * width
    return Size(
        parameters=export.count(shapes),
        trained=_trained(shapes, shared),
        looked_up=looked_up,
        layers=config.num_hidden_layers,
        width=width,
        heads=heads,
        vocabulary=config.vocab_size,
        queries=head * heads,
        keys=keys,
        inner=getattr(config, "intermediate_size", None) or 4 * width,
        normed=_normed(shapes, width, head * heads, keys),
        kind=config.model_type,
    )


def _trained(shapes: export.Shapes, shared: "SharedSettings") -> int:
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


def peak(device: str) -> float | None:
    """Dense bf16 operations a second of a GPU by its name, None where it is not in the table."""
    words = set(device.replace("-", " ").split())
    known = [name for name in PEAKS if set(name.split()) <= words]
    if not known or "Laptop" in words:
        return None
    return PEAKS[max(known, key=len)] * 1e12


def operations(model: Size, length: float) -> float:
    """Operations a token of forward and backward pass, at rows of `length` tokens; recomputation
    does not count.

    Two a parameter forward, two backward, two more for the gradient of a trained one; 12 · layers ·
    width · length for the scores of attention.
    """
    multiplied = model.parameters - model.looked_up
    trained = min(model.trained, multiplied)
    return 4 * multiplied + 2 * trained + 12 * model.layers * model.queries * length


def mode(shared: "SharedSettings") -> str:
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


def states(model: Size, shared: "SharedSettings", processes: int) -> dict[str, float]:
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


def layout(shared: "SharedSettings") -> str:
    """How numbers lie in memory, a key of KEPT: bf16 runs over fp32 weights under autocast unless
    DeepSpeed holds them in bf16.
    """
    if shared.precision == "fp32":
        return "fp32"
    return "bf16" if shared.deepspeed else "autocast"


def activations(
    model: Size, shared: "SharedSettings", rows: int, length: int, targets: int
) -> float:
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


def layer_bytes(model: Size, shared: "SharedSettings", length: int) -> float:
    """Bytes that one token of a row of `length` keeps in one layer; see KEPT."""
    key = layout(shared)
    widths = (model.normed, model.width, model.queries, model.keys, model.inner)
    total = 0
    for each, width in zip(KEPT[key], widths, strict=True):
        total += each * width
    if shared.attention == "eager":
        total += SCORES[key] * model.heads * length
    return total


def checkpoints(model: Size, shared: "SharedSettings") -> tuple[float, float]:
    """Bytes of a checkpoint of weights alone, and of a whole one: with master weights where
    DeepSpeed has them, and both moments.
    """
    masters = 12 if shared.deepspeed else 8
    width = 2 if shared.deepspeed and shared.precision == "bf16" else 4
    weights = (model.trained if shared.lora else model.parameters) * width
    return weights, weights + model.trained * masters


def disk(model: Size, shared: "SharedSettings", steps: int, folders: int) -> float:
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


def hours(
    model: Size, shared: "SharedSettings", tokens: int, length: float, processes: int, peak: float
) -> float:
    """Hours to train on `tokens`, at UTILISATION of the peak; checkpointing runs the forward pass
    twice.
    """
    again = 4 / 3 if shared.gradient_checkpointing else 1
    return tokens * operations(model, length) * again / (processes * peak * UTILISATION) / 3600


@dataclass(frozen=True)
class Device:
    """What one process computes on, in bytes: `memory` in all and `free` of it now, and its share
    of the `main` memory that is free.
    """

    name: str
    on_gpu: bool
    memory: float
    free: float
    main: float


def device() -> Device:
    """The device of this process: its GPU, or its share of this machine's CPU and main memory."""
    import psutil
    import torch

    here = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    main = psutil.virtual_memory()
    if not torch.cuda.is_available():
        share = main.available / here
        return Device("CPU", False, main.total / here, share, share)
    index = int(os.environ.get("LOCAL_RANK", 0))
    free, total = torch.cuda.mem_get_info(index)
    return Device(torch.cuda.get_device_name(index), True, total, free, main.available / here)


def check_device(model: Size, device: Device) -> None:
    """InputError for a large model on a CPU, unless CPU_VARIABLE allows it."""
    if device.on_gpu or model.parameters <= CPU_PARAMETERS or os.environ.get(CPU_VARIABLE) == "1":
        return
    raise InputError(
        f"no GPU is visible, and the model has {model.parameters / 1e9:.1f} billion parameters:"
        f" check nvidia-smi and CUDA_VISIBLE_DEVICES, or set {CPU_VARIABLE}=1 to train on the CPU"
    )


@dataclass(frozen=True)
class ResourceEstimate:
    """What `estimate_resources` found, in bytes and tokens/s; its text is for people."""

    text: str
    states: dict[str, float]  # weights, gradients and optimizer on each device, by mode
    mode: str
    free_memory: float  # on the device of this process
    free_main: float  # this process's share of the main memory
    disk: float
    free_disk: float
    lora: bool
    full_speed: float | None  # tokens/s of all devices at their peak, None where that is not known

    def __str__(self) -> str:
        return self.text

    def check(self) -> None:
        """InputError where the states alone exceed the memory, or the disk may fill."""
        self._check_memory()
        moved = self.states[MODES[2]] - self.states[MODES[3]]  # what lives in main memory instead
        if self.mode == MODES[3] and moved > self.free_main:
            raise InputError(
                f"params.yaml: train.shared.deepspeed: {self.mode} needs {_gib(moved)} of main"
                f" memory for each process, and {_gib(self.free_main)} are free"
            )
        if self.disk > self.free_disk:
            raise InputError(
                f".work/train: checkpoints and models take up to {_gib(self.disk)}, and"
                f" {_gib(self.free_disk)} are free there; a higher train.shared.save_every may need"
                " less"
            )

    def _check_memory(self) -> None:
        needed = self.states[self.mode]
        if needed <= self.free_memory:
            return
        fitting = [name for name in MODES if self.states[name] <= self.free_memory]
        advice = ""
        if fitting:
            names = " or ".join(fitting)
            advice += f"; {names} would fit (train.shared.deepspeed, see configs/)"
        if not self.lora:
            advice += "; train.shared.lora needs less"
        raise InputError(
            f"params.yaml: train.shared.deepspeed: {self.mode} needs {_gib(needed)} on each device"
            f" for weights, gradients and optimizer, and {_gib(self.free_memory)} are free{advice}"
        )


def estimate_resources(
    job: "Job", model: Size, here: Device, train: Sequence[Example], steps: int, work: Path
) -> ResourceEstimate:
    """What `job`, whose settings hold no `auto`, will take with `train` as one epoch, in `steps`
    steps.

    Memory free now on this process's device is what it may use. Of the disk it may use what is free
    and what the folder `work` holds, the checkpoints from which it goes on.
    """
    shared, processes = job.shared, launch.processes()
    epoch = sum(len(example.input_ids) for example in train)
    tokens, length = epoch * job.recipe.epochs, epoch / len(train)
    needed = states(model, shared, processes)
    rate = peak(here.name) if shared.precision == "bf16" else None
    full = processes * rate / operations(model, length) if rate else None
    folders = 2 if job.end else 1
    most = disk(model, shared, steps, folders)
    room = shutil.disk_usage(".").free + sum(path.stat().st_size for path in work.rglob("*"))
    time = "shown while it runs"
    if rate:
        time = f"about {hours(model, shared, tokens, length, processes, rate):.2f} hours"
    lines = [
        f"{job.name}: {len(train):,} examples, {job.recipe.epochs} epochs, {steps:,} steps,"
        f" {tokens:,} tokens",
        f"time: {time}",
        _memory_line(job, model, here, train, needed),
        f"disk: {_gib(checkpoints(model, shared)[1])} a checkpoint, up to {_gib(most)} in all;"
        f" {_gib(room)} are free",
    ]
    return ResourceEstimate(
        text="\n".join(lines),
        states=needed,
        mode=mode(shared),
        free_memory=here.free,
        free_main=here.main,
        disk=most,
        free_disk=room,
        lora=bool(shared.lora),
        full_speed=full,
    )


def _memory_line(
    job: "Job", model: Size, here: Device, train: Sequence[Example], needed: dict[str, float]
) -> str:
    shared = job.shared
    micro = int(shared.micro_batch)
    beside = activations(model, shared, micro, *longest(train))
    of_modes = ", ".join(f"{mode} {_gib(needed[mode])}" for mode in MODES)
    again = "with" if shared.gradient_checkpointing else "without"
    return (
        f"memory on each of {launch.processes()} x {here.name}: {of_modes}; here {mode(shared)},"
        f" and about {_gib(beside)} for a micro-batch of {micro} {again} gradient checkpointing;"
        f" {_gib(here.free)} are free"
    )


def longest(train: Sequence[Example]) -> tuple[int, int]:
    """Tokens of the longest row, and of the longest target."""
    rows = max(len(example.input_ids) for example in train)
    targets = max(len(example.input_ids) - example.prompt_length for example in train)
    return rows, targets


def _gib(size: float) -> str:
    return f"{size / GIB:.2f} GiB"

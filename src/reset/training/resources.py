"""What a training run will take, before any of it is spent: memory on each device, disk, and hours.

Bytes a parameter: Rajbhandari et al. 2020 (ZeRO, arXiv 1910.02054, section 3). Bytes of
activations: Korthikanti et al. 2022 (arXiv 2205.05198, section 4). Operations a token: Chowdhery et
al. 2022 (PaLM, arXiv 2204.02311, appendix B).
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reset.core.errors import InputError
from reset.tokens.encoding import Example
from reset.training import export, launch

if TYPE_CHECKING:
    from reset.training.settings import Job, SharedSettings

GIB = 2**30
LIVE = (
    10**9
)  # parameters that ZeRO-3 holds gathered at once at most (DeepSpeed's stage3_max_live_parameters)
UTILISATION = 0.35  # share of the peak that a run reaches: our assumption, as in docs/a100.md
MODES = ("no ZeRO", "ZeRO-2", "ZeRO-3", "ZeRO-3 with off-load")

# Dense bf16 TFLOP/s by the words of a device's name (NVIDIA's data sheets; half of the figures
# "with sparsity")
PEAKS = {
    "A100": 312,
    "H100": 989,
    "H100 PCIe": 756,
    "H200": 989,
    "A10": 125,
    "A30": 165,
    "L4": 121,
    "L40S": 362,
}


@dataclass(frozen=True)
class Size:
    """A causal model's shape. `trained` of its `parameters` get gradients; `looked_up` are in no
    matrix product.
    """

    parameters: int
    trained: int
    looked_up: int
    layers: int
    width: int
    heads: int
    vocabulary: int


def size(folder: Path, shared: "SharedSettings") -> Size:
    """The shape of a model folder, of its config.json and the headers of its safetensors."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, local_files_only=True).get_text_config()
    shapes = export.shapes(folder)
    if shared.lora:  # two factors beside each matrix but the embeddings and the head
        matrices = [
            s
            for name, s in shapes.items()
            if len(s) == 2 and "embed" not in name and "head" not in name
        ]
        trained = sum(shared.lora.rank * sum(shape) for shape in matrices)
    else:
        trained = export.count(
            {n: s for n, s in shapes.items() if not any(part in n for part in shared.frozen)}
        )
    return Size(
        parameters=export.count(shapes),
        trained=trained,
        looked_up=0 if config.tie_word_embeddings else config.vocab_size * config.hidden_size,
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        heads=config.num_attention_heads,
        vocabulary=config.vocab_size,
    )


def peak(device: str) -> float | None:
    """Dense bf16 operations a second of a GPU by its name, None where it is not in the table."""
    words = set(device.replace("-", " ").split())
    known = [name for name in PEAKS if set(name.split()) <= words]
    return PEAKS[max(known, key=len)] * 1e12 if known else None


def operations(model: Size, length: float) -> float:
    """Operations a token of forward and backward pass, at rows of `length` tokens; recomputation
    does not count.

    Two a parameter forward, two backward, two more for the gradient of a trained one; 12 · layers ·
    width · length for the scores of attention.
    """
    multiplied = model.parameters - model.looked_up
    return (
        4 * multiplied
        + 2 * min(model.trained, multiplied)
        + 12 * model.layers * model.width * length
    )


def mode(shared: "SharedSettings") -> str:
    """Which of MODES the DeepSpeed configuration of `shared` chooses; stages 0 and 1 count as no
    ZeRO.
    """
    if not shared.deepspeed:
        return MODES[0]
    zero = json.loads(Path(shared.deepspeed).read_text(encoding="utf-8")).get(
        "zero_optimization", {}
    )
    if zero.get("stage") == 3 and "offload_param" in zero:
        return MODES[3]
    return {2: MODES[1], 3: MODES[2]}.get(zero.get("stage"), MODES[0])


def states(model: Size, shared: "SharedSettings", processes: int) -> dict[str, float]:
    """Bytes of weights, gradients and optimizer on each device, by mode.

    DeepSpeed in bf16 keeps 2 bytes a weight, 2 a gradient and 12 of AdamW (fp32 weight and both
    moments); without it weights and gradients have 4 each, the moments 8, and bf16 autocast holds a
    second copy of the weights at 2. Under adapters the base has one copy, of 2 bytes in bf16.
    """
    bf16 = shared.precision == "bf16"
    base, own = (model.parameters, model.trained) if shared.lora else (0, model.parameters)
    plain = base * (2 if bf16 else 4) + own * (6 if bf16 else 4) + model.trained * 12
    weights = (base + own) * (2 if bf16 else 4)
    rest = model.trained * (14 if bf16 else 16)
    live = min(LIVE, model.parameters) * (2 if bf16 else 4)
    shared_out = (weights + rest) / processes
    return dict(
        zip(MODES, (plain, weights + rest / processes, shared_out + live, live), strict=True)
    )


def activations(
    model: Size, shared: "SharedSettings", rows: int, length: int, targets: int
) -> float:
    """Bytes that one micro-batch leaves for the backward pass, at `rows` of `length` tokens with
    `targets` each.

    34 · width a token and layer in 16 bits, of which 2 are the layer's input, all that
    checkpointing keeps; eager attention adds 5 bytes a head and pair of tokens. Logits: 16 bits,
    their fp32 copy and its gradient.
    """
    of_layer = 34 * model.width + (5 * model.heads * length if shared.attention == "eager" else 0)
    kept = (
        2 * model.width * model.layers + of_layer
        if shared.gradient_checkpointing
        else of_layer * model.layers
    )
    wide = 1 if shared.precision == "bf16" else 2
    return rows * (length * kept * wide + targets * model.vocabulary * 10)


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
    the best, the last, and the one being written. Adapters are added to the base in fp32 before a
    folder is written.
    """
    weights, whole = checkpoints(model, shared)
    saves = steps // shared.save_every
    others = (
        -(-steps // shared.eval_every) - saves
    )  # evaluations, the last step's too, at which weights may be saved
    most = min(saves, 3)
    folder = model.parameters * (2 if shared.precision == "bf16" else 4)
    merged = model.parameters * 4 if shared.lora else 0
    return most * whole + min(others, 4 - most) * weights + folders * folder + merged


def hours(
    model: Size, shared: "SharedSettings", tokens: int, length: float, processes: int, peak: float
) -> float:
    """Hours to train on `tokens`, at UTILISATION of the peak; checkpointing runs the forward pass
    twice.
    """
    again = 4 / 3 if shared.gradient_checkpointing else 1
    return tokens * operations(model, length) * again / (processes * peak * UTILISATION) / 3600


@dataclass(frozen=True)
class ResourceEstimate:
    """What `look` found, in bytes and tokens/s; its text is for people."""

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
        if self.states[self.mode] > self.free_memory:
            fitting = [name for name in MODES if self.states[name] <= self.free_memory]
            other = (
                f"; {' or '.join(fitting)} would fit (train.shared.deepspeed, see configs/)"
                if fitting
                else ""
            )
            less = "" if self.lora else "; train.shared.lora needs less"
            raise InputError(
                f"params.yaml: train.shared.deepspeed: {self.mode} needs"
                f" {_gib(self.states[self.mode])} on each device for weights, gradients and"
                f" optimizer, and {_gib(self.free_memory)} are free{other}{less}"
            )
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


def estimate_resources(
    job: "Job", train: list[Example], steps: int, micro: int, work: Path
) -> ResourceEstimate:
    """What `job` will take with `train` as one epoch, in `steps` steps and micro-batches of `micro`
    rows.

    Memory free now on this process's device is what it may use: of its GPU, or its share of the
    main memory. Of the disk it may use what is free and what the folder `work` holds, the
    checkpoints from which it goes on.
    """
    import psutil

    shared, processes = job.shared, launch.processes()
    model = size(job.start, shared)
    main = psutil.virtual_memory().available / int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    name, free = _gpu() or ("CPU", main)
    longest = max(len(example.input_ids) for example in train)
    answer = max(len(example.input_ids) - example.prompt_length for example in train)
    epoch = sum(len(example.input_ids) for example in train)
    tokens, length = epoch * job.recipe.epochs, epoch / len(train)
    needed = states(model, shared, processes)
    beside = activations(model, shared, micro, longest, answer)
    rate = peak(name) if shared.precision == "bf16" else None
    most = disk(model, shared, steps, 2 if job.end else 1)
    room = shutil.disk_usage(".").free + sum(path.stat().st_size for path in work.rglob("*"))
    of_modes = ", ".join(f"{mode} {_gib(needed[mode])}" for mode in MODES)
    time = (
        f"about {hours(model, shared, tokens, length, processes, rate):.2f} hours"
        if rate
        else "told while it runs"
    )
    text = (
        f"{job.name}: {len(train):,} examples, {job.recipe.epochs} epochs, {steps:,} steps,"
        f" {tokens:,} tokens\ntime: {time}\nmemory on each of {processes} x {name}: {of_modes};"
        f" here {mode(shared)}, and about {_gib(beside)} for a micro-batch of {micro}; {_gib(free)}"
        f" are free\ndisk: {_gib(checkpoints(model, shared)[1])} a checkpoint, up to {_gib(most)}"
        f" in all; {_gib(room)} are free"
    )
    full = processes * rate / operations(model, length) if rate else None
    return ResourceEstimate(
        text, needed, mode(shared), free, main, most, room, bool(shared.lora), full
    )


def _gpu() -> tuple[str, float] | None:
    import torch

    if not torch.cuda.is_available():
        return None
    index = int(os.environ.get("LOCAL_RANK", 0))
    return torch.cuda.get_device_name(index), torch.cuda.mem_get_info(index)[0]


def _gib(size: float) -> str:
    return f"{size / GIB:.2f} GiB"

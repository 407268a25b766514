"""What a training run will take, before any of it is spent: memory, disk and hours."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reset.core.errors import InputError
from reset.tokens.encoding import Example
from reset.training import devices, footprint, launch, memory_limit
from reset.training.devices import UTILISATION, Device
from reset.training.footprint import GIB, MODES
from reset.training.model_size import Size, operations
from reset.training.settings import Job, SharedSettings, split_batch


def hours(
    model: Size, shared: SharedSettings, tokens: int, length: float, processes: int, peak: float
) -> float:
    """Hours to train on `tokens`, at UTILISATION of the peak; checkpointing runs the forward pass
    twice.
    """
    again = 4 / 3 if shared.gradient_checkpointing else 1
    return tokens * operations(model, length) * again / (processes * peak * UTILISATION) / 3600


@dataclass(frozen=True)
class ResourceEstimate:
    """What `estimate_resources` found, in bytes and tokens/s; its `text` is for people."""

    text: str
    states: dict[str, float]  # weights, gradients and optimizer on each device, by mode
    mode: str
    free_memory: float  # on the device of this process
    free_main: float  # this process's share of the main memory
    disk: float
    free_disk: float
    lora: bool
    full_speed: float | None  # tokens/s of all devices at their peak, None where that is not known

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
    job: Job, model: Size, here: Device, train: Sequence[Example], steps: int, work: Path
) -> ResourceEstimate:
    """What `job`, whose settings hold no `auto`, will take with `train` as one epoch, in `steps`
    steps.

    Memory free now on this process's device is what it may use. Of the disk below the folder `work`
    it may use what is free and what `work` holds, the checkpoints from which it goes on.
    """
    shared, processes = job.shared, launch.processes()
    epoch = sum(len(example.input_ids) for example in train)
    tokens, length = epoch * job.recipe.epochs, epoch / len(train)
    needed = footprint.states(model, shared, processes)
    rate = devices.peak(here.name) if shared.precision == "bf16" else None
    full = processes * rate / operations(model, length) if rate else None
    folders = 2 if job.end else 1
    _, whole = footprint.checkpoints(model, shared)
    most = footprint.disk(model, shared, steps, folders)
    kept = sum(path.stat().st_size for path in work.rglob("*"))
    room = shutil.disk_usage(work.parent).free + kept
    time = "shown while it runs"
    if rate:
        time = f"about {hours(model, shared, tokens, length, processes, rate):.2f} hours"
    lines = [
        f"{job.name}: {len(train):,} examples, {job.recipe.epochs} epochs, {steps:,} steps,"
        f" {tokens:,} tokens",
        f"time: {time}",
        _memory_line(job, model, here, train, needed),
        f"disk: {_gib(whole)} a checkpoint, up to {_gib(most)} in all; {_gib(room)} are free",
    ]
    return ResourceEstimate(
        text="\n".join(lines),
        states=needed,
        mode=footprint.mode(shared),
        free_memory=here.free,
        free_main=here.main,
        disk=most,
        free_disk=room,
        lora=bool(shared.lora),
        full_speed=full,
    )


def check_merge(model: Size) -> None:
    """InputError where main memory and swap cannot hold the fp32 weights that adapters are merged
    into at the end.
    """
    import psutil

    needed = 4 * model.parameters
    free = psutil.virtual_memory().available + psutil.swap_memory().free
    free = min(free, memory_limit.room())
    if needed > free:
        raise InputError(
            "params.yaml: train.shared.lora: the adapters are merged in main memory at the end,"
            f" which takes {_gib(needed)}, and {_gib(free)} are free, swap included"
        )


def _memory_line(
    job: Job, model: Size, here: Device, train: Sequence[Example], needed: dict[str, float]
) -> str:
    shared = job.shared
    micro, _ = split_batch(job, launch.processes())
    beside = footprint.activations(model, shared, micro, *footprint.longest(train))
    of_modes = ", ".join(f"{mode} {_gib(needed[mode])}" for mode in MODES)
    again = "with" if shared.gradient_checkpointing else "without"
    return (
        f"memory on each of {launch.processes()} x {here.name}: {of_modes};"
        f" here {footprint.mode(shared)}, and about {_gib(beside)} for a micro-batch of {micro}"
        f" {again} gradient checkpointing; {_gib(here.free)} are free"
    )


def _gib(size: float) -> str:
    return f"{size / GIB:.2f} GiB"

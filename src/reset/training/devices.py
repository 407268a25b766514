"""What a training run computes on: the memory of its device, and how fast that is at its peak."""

import os
import sys
from dataclasses import dataclass

from reset.core.errors import InputError
from reset.training import memory_limit
from reset.training.model_size import Size

UTILISATION = 0.35  # share of the peak that a run reaches: our assumption, as in docs/a100.md

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

    # of this machine's processes, as torchrun and as deepspeed say it
    here = int(os.environ.get("LOCAL_WORLD_SIZE") or os.environ.get("LOCAL_SIZE", "1"))
    main = psutil.virtual_memory()
    total = min(main.total, memory_limit.limit()) / here
    free_main = min(main.available, memory_limit.room()) / here
    if not torch.cuda.is_available():
        return Device("CPU", False, total, free_main, free_main)
    index = int(os.environ.get("LOCAL_RANK", 0))
    free, memory = torch.cuda.mem_get_info(index)
    return Device(torch.cuda.get_device_name(index), True, memory, free, free_main)


def check_device(model: Size, device: Device) -> None:
    """InputError for a large model on a CPU, unless CPU_VARIABLE allows it."""
    if device.on_gpu or model.parameters <= CPU_PARAMETERS or os.environ.get(CPU_VARIABLE) == "1":
        return
    raise InputError(
        f"no GPU is visible, and the model has {model.parameters / 1e9:.1f} billion parameters:"
        f" check nvidia-smi and CUDA_VISIBLE_DEVICES, or set {CPU_VARIABLE}=1 to train on the CPU"
    )


def check_precision(precision: str, device: Device) -> None:
    """Warn where bf16 would be computed in software, which takes many times as long as fp32."""
    import torch

    slow = not device.on_gpu and torch.backends.cpu.get_cpu_capability() != "AVX512"
    if precision == "bf16" and slow:
        print(
            "train.shared.precision: this CPU computes bf16 in software, many times slower than"
            " fp32; set it, and sampling.precision, to fp32",
            file=sys.stderr,
        )


def peak(device: str) -> float | None:
    """Dense bf16 operations a second of a GPU by its name, None where it is not in the table."""
    words = set(device.replace("-", " ").split())
    known = [name for name in PEAKS if set(name.split()) <= words]
    if not known or "Laptop" in words:
        return None
    return PEAKS[max(known, key=len)] * 1e12

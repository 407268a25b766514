"""The shape of LLaMA-7B, and devices that it may train on: for tests of what that takes."""

from reset.training.devices import Device
from reset.training.model_size import Size

LLAMA_7B = Size(
    parameters=6_738_415_616,
    trained=6_738_415_616,
    looked_up=131_072_000,
    layers=32,
    width=4096,
    heads=32,
    vocabulary=32000,
    queries=4096,
    keys=4096,
    inner=11008,
    normed=2 * 4096,
    kind="llama",
)
A100 = Device("NVIDIA A100-SXM4-80GB", True, 79.2 * 2**30, 78 * 2**30, 1e12)
CPU = Device("CPU", False, 64 * 2**30, 60 * 2**30, 60 * 2**30)

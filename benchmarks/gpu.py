"""Ten checks for the first minutes on a GPU: does it compute what a CPU computes, and how fast?

Each prints one line of JSON as it ends; one that fails says so, and the next begins. `--small` has
sizes for a CPU, to show that the script itself works. Run: `python benchmarks/gpu.py [--small]
[--only NAME ...]`.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
PARTS = Path(__file__).with_name("gpu_parts.py")

CPU = {"CUDA_VISIBLE_DEVICES": ""}
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "1")
ZERO3 = {
    "precision": "bf16",
    "gradient_checkpointing": True,
    "micro_batch": 2,
    "deepspeed": str(ROOT / "configs/zero3.json"),
}
OPTIONS: dict[str, dict[str, Any]] = {  # changes to the tests' fp32 run
    "fp32": {},
    "bf16": {"precision": "bf16"},
    "checkpointing": {"precision": "bf16", "gradient_checkpointing": True},
    "packing": {"packing": True},
    "micro-batch of 2": {"micro_batch": 2},
    "length window": {"length_window": 3},
    "LoRA": {"precision": "bf16", "lora": {"rank": 4, "alpha": 8, "dropout": 0.0}},
    "compile": {"compile": True},
}
SMALL_OPTIONS = ("bf16", "packing")  # with --small
STOP = 6  # the step at which a run kills itself
TESTS = (
    "tests/training", "tests/generation/engines/test_transformers_engine.py",
    "tests/generation/engines/test_token_sampler.py", "tests/judges/faithfulness",
)  # fmt: skip
SMALL_TESTS = ("tests/generation/engines/test_token_sampler.py",)
Found = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="sizes for a CPU")
    parser.add_argument("--only", nargs="+", choices=list(CHECKS), default=list(CHECKS))
    given = parser.parse_args()
    for name in given.only:
        begin = time.perf_counter()
        try:
            found = CHECKS[name](given.small)
        except Exception as error:  # a check that fails must not keep the others from running
            found = {"failed": f"{type(error).__name__}: {str(error)[-800:]}"}
        seconds = round(time.perf_counter() - begin, 1)
        print(json.dumps({"check": name, "seconds": seconds, **found}), flush=True)


def part(
    name: str,
    folder: str | None = None,
    environment: dict[str, str] | None = None,
    launcher: tuple[str, ...] = (),
    **arguments: Any,
) -> Found:
    """The result of one of gpu_parts.py, in `folder` or one of its own; RuntimeError where it
    fails.
    """
    with tempfile.TemporaryDirectory() as own:
        done = subprocess.run(
            [sys.executable, *launcher, str(PARTS), name, json.dumps(arguments)],
            cwd=folder or own, env=os.environ | {"HF_HUB_OFFLINE": "1"} | (environment or {}),
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr.strip()[-600:]}")
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1])


def machine(small: bool) -> Found:
    import torch
    import transformers

    from benchmarks.training_options import matrix_rate
    from reset.training import devices

    here = devices.device()
    rate = matrix_rate("cuda" if here.on_gpu else "cpu")
    return {
        "device": here.name,
        "memory_gib": round(here.memory / 2**30, 1),
        "peak": devices.peak(here.name),
        "bf16_tflops": round(rate / 1e12, 2),
        "cpus": os.cpu_count(),
        "compiler": shutil.which("g++"),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def training_parity(small: bool) -> Found:
    """How far each option's losses on this device are from those of fp32 on the CPU."""
    expected = part("train", environment=CPU, settings={}, stop=None)["losses"]
    names = SMALL_OPTIONS if small else tuple(OPTIONS)
    found: Found = {"cpu": expected}
    for name in names:
        try:
            losses = part("train", settings=OPTIONS[name], stop=None)["losses"]
        except RuntimeError as error:
            found[name] = str(error)[-200:]
            continue
        gaps = [abs(a - b) for a, b in zip(losses, expected, strict=True)]
        found[name] = round(max(gaps), 6)
    return found


def kill_and_resume(small: bool) -> Found:
    return _resumed({"precision": "bf16"}, ())


def zero3(small: bool) -> Found:
    return _resumed(ZERO3, TORCHRUN)


def _resumed(settings: Found, launcher: tuple[str, ...]) -> Found:
    """Whether a run that is killed and goes on ends as one that is left alone."""
    whole = part("train", launcher=launcher, settings=settings, stop=None)
    with tempfile.TemporaryDirectory() as folder:
        killed = False
        try:
            part("train", folder, launcher=launcher, settings=settings, stop=STOP)
        except RuntimeError:
            killed = True
        again = part("train", folder, launcher=launcher, settings=settings, stop=None)
    return {
        "killed": killed,
        "same_losses": whole["losses"] == again["losses"],
        "same_model": whole["model"] == again["model"],
        "last_losses": [whole["losses"][-1], again["losses"][-1]],
    }


def option_speed(small: bool) -> Found:
    """Tokens a second and memory of each training option, at 7B's layers (or a toy's)."""
    import torch

    from benchmarks import random_llama, training_options

    on_gpu = torch.cuda.is_available()
    shape, longest, layers = training_options.TOY, 64, 1
    if on_gpu:
        shape, longest = random_llama.LLAMA_7B, 2048
        memory = torch.cuda.get_device_properties(0).total_memory
        layers = training_options.fitting_layers(shape, memory)
    sides = ["base"] if small else list(training_options.SIDES)
    found: Found = {"layers": layers}
    with tempfile.TemporaryDirectory() as folder:
        random_llama.build(Path(folder) / "model", shape, layers)
        for side in sides:
            package = training_options.SIDES[side][3]
            found[side] = training_options.missing(package, on_gpu)
            if found[side] is None:
                found[side] = training_options.run(side, folder, longest, 4 if small else 8)
    return found


def engine_parity(small: bool) -> Found:
    """How many texts of engine `transformers` on this device are those of the CPU."""
    on_cpu = part("answer", environment=CPU, precision="fp32")["texts"]
    here = part("answer", precision="fp32")["texts"]
    equal = total = 0
    for expected, texts in zip(on_cpu, here, strict=True):
        total += len(expected)
        equal += sum(a == b for a, b in zip(expected, texts, strict=True))
    return {"equal": equal, "of": total}


def engine_speed(small: bool) -> Found:
    """Engine `transformers` at 1B on a GPU: its own lines come first."""
    import torch

    from benchmarks import random_llama, sampling

    if not torch.cuda.is_available():
        return {"left_out": "it needs a GPU"}
    with tempfile.TemporaryDirectory() as folder:
        model = random_llama.build(Path(folder) / "1B", random_llama.LLAMA_1B)
        sampling.on_gpu("1B", model)
    return {"see": "the lines before this one"}


def nli(small: bool) -> Found:
    """The entailment model at ALBERT-xlarge's shape: bf16 against fp32, and this device's speed."""
    shape = {"hidden": 64, "layers": 2, "count": 32}
    if not small:
        shape = {"hidden": 2048, "layers": 24, "count": 4096}
    exact = part("entail", precision="fp32", devices="auto", **shape)
    rounded = part("entail", precision="bf16", devices="auto", **shape)
    gaps = [abs(a - b) for a, b in zip(exact["entailment"], rounded["entailment"], strict=True)]
    return {
        "fp32_pairs_per_second": round(exact["pairs_per_second"], 1),
        "bf16_pairs_per_second": round(rounded["pairs_per_second"], 1),
        "largest_gap": round(max(gaps), 5),
        "median_gap": round(statistics.median(gaps), 5),
    }


def checkpoint_rate(small: bool) -> Found:
    """GB a second from the device to main memory and from there to the disk."""
    import torch
    from safetensors.torch import save_file

    device = "cuda" if torch.cuda.is_available() else "cpu"
    count = 1 if small else 24
    tensors = {
        str(i): torch.ones(4096, 16384, dtype=torch.bfloat16, device=device) for i in range(count)
    }
    size = sum(tensor.nbytes for tensor in tensors.values()) / 1e9
    begin = time.perf_counter()
    held = {name: tensor.cpu() for name, tensor in tensors.items()}
    fetched = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:
        path = Path(folder) / "weights.safetensors"
        save_file(held, path)
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        written = time.perf_counter()
    to_memory, to_disk = fetched - begin, written - fetched
    return {
        "gb": round(size, 2),
        "to_memory": round(size / to_memory, 2),
        "to_disk": round(size / to_disk, 2),
    }


def project_tests(small: bool) -> Found:
    """The project's own tests of what runs on a device."""
    files = SMALL_TESTS if small else TESTS
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)
    lines = done.stdout.strip().splitlines()
    failed = [line for line in lines if line.startswith("FAILED")]
    return {"last_line": lines[-1], "failed": failed[:20]}


CHECKS: dict[str, Callable[[bool], Found]] = {
    check.__name__: check
    for check in (
        machine, training_parity, kill_and_resume, engine_parity, zero3, option_speed, nli,
        checkpoint_rate, engine_speed, project_tests,
    )
}  # fmt: skip

if __name__ == "__main__":
    main()

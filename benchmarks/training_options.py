"""Training: what each option gives, and which share of the device's matrix rate is reached (MFU).

With a GPU: a Llama of 7B parameters (random weights: speed does not depend on them), bf16, rows of
2,048 tokens, full fine-tune on one GPU. Its weights, gradients and optimizer need 113 GiB: a GPU
that has less trains as many of its 32 layers as fit into STATES of the memory. Without a GPU: a toy
Llama and short rows, to show that every option runs; its speeds say little. Each side runs in a
process of its own, one after the other in each round, and is printed as it ends; the table has
medians of the rounds, and how far they lie apart. The first two steps (compilation, first
allocation) are left out. MFU is `model_size.operations` a second over the rate of a large dense
bf16 product, measured on the same device, the median of the rounds too.

Run: `python benchmarks/training_options.py [--quick]`. A side whose package is missing is named and
left out.
"""

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from benchmarks import random_llama  # noqa: E402
from benchmarks.training import settings_of_ours  # noqa: E402
from reset.tokens.encoding import Example  # noqa: E402

# side -> what it is, the settings that differ from the first side's, rows of full or natural
# length, package
SIDES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "base": ("gradient checkpointing, micro-batches of 4", {}, "full", ""),
    "kept": (
        "no checkpointing, micro-batches of 1",
        {"gradient_checkpointing": False, "micro_batch": 1},
        "full",
        "",
    ),
    "unfused": ("base with AdamW that is not fused", {"optim": "adamw_torch"}, "full", ""),
    "compile": ("base with torch.compile", {"compile": True}, "full", ""),
    "flash": (
        "base with flash_attention_2",
        {"attention": "flash_attention_2"},
        "full",
        "flash_attn",
    ),
    "liger": ("base with Liger kernels", {"liger": True}, "full", "liger_kernel"),
    "zero3": (
        "base under ZeRO-3, one process",
        {"deepspeed": "configs/zero3.json"},
        "full",
        "deepspeed",
    ),
    "uneven": ("base, rows of natural length", {}, "natural", ""),
    "packed": ("the same rows packed", {"packing": True}, "natural", ""),
    "grouped": ("the same rows, length_window 8", {"length_window": 8}, "natural", ""),
}
BATCH = 8
STEPS = 12
IDLE_STEPS = 2
TOY = (4096, 256, 4, 4, 4, 688)
STATES = 0.6  # share of a GPU's memory for weights, gradients and optimizer; activations need some
STATE_BYTES = 18  # bytes a parameter of these (footprint.states: bf16 autocast, no ZeRO)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--rounds", type=int, help="how often each side runs; medians are shown")
    parser.add_argument(
        "--side", nargs=4, metavar=("NAME", "FOLDER", "LONGEST", "STEPS"), help=argparse.SUPPRESS
    )
    given = parser.parse_args()
    if given.side:
        name, folder, longest, steps = given.side
        print(json.dumps(measure(name, Path(folder), int(longest), int(steps))))
        return
    import torch

    on_gpu = torch.cuda.is_available()
    shape, longest = (random_llama.LLAMA_7B, 2048) if on_gpu else (TOY, 256)
    device, layers = "CPU, toy size", None
    if on_gpu:
        layers = fitting_layers(shape, torch.cuda.get_device_properties(0).total_memory)
        device = f"{torch.cuda.get_device_name()}, {layers} of {shape[2]} layers"
    rounds = given.rounds or (1 if given.quick else 3)
    why_not = {side: missing(package, on_gpu) for side, (_, _, _, package) in SIDES.items()}
    sides = [side for side, why in why_not.items() if not why]
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        random_llama.build(Path(folder) / "model", shape, layers)
        for _ in range(rounds):
            rates.append(matrix_rate("cuda" if on_gpu else "cpu"))
            for side in sides:
                # what failed once is not tried again
                if any("error" in one for one in found[side]):
                    continue
                found[side].append(run(side, folder, longest, STEPS))
                print(f"{SIDES[side][0]}: {json.dumps(found[side][-1])}", flush=True)
    print(
        f"{device}, torch {torch.__version__}, {torch.get_num_threads()} threads, median of"
        f" {rounds}; ",
        end="",
    )
    show(found, why_not, statistics.median(rates), device)


def show(
    found: dict[str, list[dict[str, Any]]], why_not: dict[str, str | None], rate: float, device: str
) -> None:
    print(f"dense bf16 product {rate / 1e12:.2f} TFLOP/s")
    shares = {}
    for side, (label, _, _, _) in SIDES.items():
        if why := why_not[side]:
            print(f"{label:45} left out: {why}")
            continue
        if error := found[side][-1].get("error"):
            print(f"{label:45} failed: {error}")
            continue
        middle = {key: statistics.median(one[key] for one in found[side]) for key in found[side][0]}
        speeds = [one["tokens_per_second"] for one in found[side]]
        shares[side] = middle["operations"] / rate
        print(
            f"{label:45}{middle['tokens_per_second']:>8.0f} tokens/s ({min(speeds):.0f} to"
            f" {max(speeds):.0f}){shares[side]:>7.1%} MFU{middle['peak_memory'] / 2**30:>7.1f} GiB"
            f" (forecast {middle['forecast'] / 2**30:.1f})"
        )
    best = max(shares, key=lambda side: shares[side], default=None)
    print(json.dumps([
        {"name": f"MFU of {SIDES[best][0]} on {device}",
         "ratio": round(shares[best] / 0.5, 2), "goal": 1.0,
         "ours": round(shares[best], 3), "theirs": 0.5, "unit": "share of the measured matrix rate"}
    ] if best else []))  # fmt: skip


def fitting_layers(shape: tuple[int, ...], memory: float) -> int:
    """How many layers of a Llama of that shape leave room for activations, at least one."""
    vocabulary, width, depth, heads, kv_heads, inner = shape
    head = width // heads
    of_layer = 2 * width * width + 2 * width * head * kv_heads + 3 * width * inner
    around = 2 * vocabulary * width
    room = STATES * memory / STATE_BYTES - around
    return max(1, min(depth, int(room / of_layer)))


def missing(package: str, on_gpu: bool) -> str | None:
    if package and not importlib.util.find_spec(package):
        return f"the package {package} is not installed"
    if package in ("liger_kernel", "flash_attn") and not on_gpu:
        return "it needs a GPU"
    return None


def matrix_rate(device: str) -> float:
    """Operations a second of the product of two bf16 matrices, the best of five."""
    import torch

    side = 8192 if device == "cuda" else 1024
    left, right = torch.randn(2, side, side, dtype=torch.bfloat16, device=device)
    times = []
    for _ in range(6):
        if device == "cuda":
            torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(10):
            left @ right
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
    return 10 * 2 * side**3 / min(times[1:])


def run(side: str, folder: str, longest: int, steps: int) -> dict[str, Any]:
    lone = {
        "RANK": "0",
        "LOCAL_RANK": "0",
        "WORLD_SIZE": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "29541",
    }
    environment = os.environ | {"HF_HUB_OFFLINE": "1"} | (lone if side == "zero3" else {})
    command = [sys.executable, __file__, "--side", side, folder, str(longest), str(steps)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        return {
            "error": (
                done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"]
            )[-1][:300]
        }
    return json.loads(done.stdout.splitlines()[-1])


def examples(kind: str, count: int, longest: int) -> list[Example]:
    """Rows of random token ids, the same at every call; natural lengths are log-normal. A quarter
    is target.
    """
    rng = random.Random(0)
    made = []
    for _ in range(count):
        spread = max(12, round(longest / 4 * rng.lognormvariate(0, 0.7)))
        length = longest if kind == "full" else min(longest, spread)
        made.append(Example([rng.randrange(3, 4000) for _ in range(length)], length * 3 // 4))
    return made


def measure(side: str, folder: Path, longest: int, count: int) -> dict[str, float]:
    import torch
    from transformers import TrainerCallback

    from reset.training import batches, footprint, model_size, progress, settings, trainer

    on_gpu = torch.cuda.is_available()
    _, changes, kind, _ = SIDES[side]
    optimizer = changes.get("optim", "adamw_torch_fused")
    changes = {key: value for key, value in changes.items() if key != "optim"}
    shared = settings_of_ours(
        longest, **{"micro_batch": 4, "gradient_checkpointing": True, **changes}
    )
    data = examples(kind, BATCH * count, longest)
    lengths = [len(example.input_ids) for example in data]
    recipe = settings.RunSettings(learning_rate=2e-5, batch=BATCH, epochs=1)
    job = settings.Job("benchmark", 0, folder / "model", folder, folder, shared, recipe)
    arguments = trainer.arguments(job, *settings.split_batch(job, 1), folder / "checkpoints")
    arguments.save_strategy = arguments.eval_strategy = "no"
    arguments.optim = optimizer
    steps = batches.optimizer_batches(lengths, BATCH, 1, shared.length_window, 0)
    subject = trainer.CompletionTrainer(
        trainer.load_model(job.start, shared, 0), arguments, data, data, steps, shared
    )

    class Clock(TrainerCallback):
        ends: list[float] = []

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if on_gpu:
                torch.cuda.synchronize()
            self.ends.append(time.perf_counter())

    clock = Clock()
    subject.add_callback(clock)
    subject.train()
    timed = [sum(lengths[i] for i in step) for step in steps[IDLE_STEPS:]]
    speed = sum(timed) / (clock.ends[-1] - clock.ends[IDLE_STEPS - 1])
    model = model_size.size(job.start, shared)
    row = max(lengths)
    return {
        "tokens_per_second": speed,
        "operations": speed * model_size.operations(model, statistics.mean(lengths)),
        "peak_memory": progress.peak_memory(),
        "forecast": (
            footprint.states(model, shared, 1)[footprint.mode(shared)]
            + footprint.activations(model, shared, shared.micro_batch, row, row // 4)
        ),
    }


if __name__ == "__main__":
    main()

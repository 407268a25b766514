"""Training: this project's Trainer against TRL's SFTTrainer, by its defaults and with packing, and
a plain Trainer.

All sides train the same model (135M parameters, random weights: speed does not depend on them) on
the same token ids with the same loss mask, optimizer batch, precision and optimizer. What is
counted is tokens of prompt and target, without padding, per second of the training steps; imports
and loading are left out. Lengths are log-normal, as those of instruction data are, with a median of
90 tokens and at most 512; a quarter of a row is target.

Run: `python benchmarks/training.py [--quick]`. TRL is no dependency of this project: `pip install
--no-deps trl`, or name a folder that holds it in PYTHONPATH. Its sides are left out where it is
missing.
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
from reset.tokens.encoding import IGNORE, Example  # noqa: E402
from tests.support.tiny_llama import PLAIN  # noqa: E402

SIDES = {
    "ours": "this project, micro-batches of 2 sorted by length",
    "ours_packed": "this project, micro-batches of 2 packed",
    "plain": "plain Trainer, rows padded to the longest of 8",
    "trl": "TRL SFTTrainer, defaults",
    "trl_packed": "TRL SFTTrainer, packing",
}
BATCH = 8
LONGEST = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="6 layers instead of 30, 48 rows, one round"
    )
    parser.add_argument("--rows", type=int, help="any number of rows")
    parser.add_argument("--rounds", type=int, help="how often each side runs; medians are shown")
    parser.add_argument(
        "--side", nargs=3, metavar=("NAME", "FOLDER", "ROWS"), help=argparse.SUPPRESS
    )
    given = parser.parse_args()
    if given.side:
        print(json.dumps(measure(given.side[0], Path(given.side[1]), int(given.side[2]))))
        return
    rows = given.rows or (48 if given.quick else 96)
    rounds = given.rounds or (1 if given.quick else 3)
    sides = [side for side in SIDES if "trl" not in side or importlib.util.find_spec("trl")]
    with tempfile.TemporaryDirectory() as folder:
        random_llama.build(
            Path(folder) / "model", random_llama.SMOLLM_135M, layers=6 if given.quick else None
        )
        speeds: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(rounds):
            for side in sides:
                speeds[side].append(tokens_per_second(side, folder, rows))
    show({side: statistics.median(values) for side, values in speeds.items()}, rows, rounds)


def tokens_per_second(side: str, folder: str, rows: int) -> float:
    command = [sys.executable, __file__, "--side", side, folder, str(rows)]
    done = subprocess.run(
        command, env=os.environ | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"the side '{side}' failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])["tokens_per_second"]


def show(speeds: dict[str, float], rows: int, rounds: int) -> None:
    lengths = [len(example.input_ids) for example in examples(rows)]
    print(
        f"{rows} rows of {statistics.mean(lengths):.0f} tokens on average, batch {BATCH}, bf16 over"
        " fp32 weights, "
    )
    print(f"{os.environ.get('OMP_NUM_THREADS', 'all')} threads, median of {rounds}")
    for side, speed in speeds.items():
        print(f"{SIDES[side]:55}{speed:>9.1f} tokens/s{speed / speeds['ours']:>8.2f}")
    best = max(speeds["ours"], speeds["ours_packed"])
    goals = {
        "trl": ("against TRL by its defaults", 1.7),
        "trl_packed": ("against TRL with packing", 1.7),
    }
    goals["plain"] = ("against a plain Trainer", 1.0)
    print(json.dumps([
        {"name": goals[side][0], "ratio": round(best / speeds[side], 2), "goal": goals[side][1],
         "ours": round(best, 1), "theirs": round(speeds[side], 1), "unit": "tokens/s"}
        for side in goals if side in speeds
    ]))  # fmt: skip


def examples(count: int) -> list[Example]:
    """Rows of random token ids, the same at every call."""
    rng = random.Random(0)
    made = []
    for _ in range(count):
        length = min(LONGEST, max(12, round(rng.lognormvariate(4.5, 0.7))))
        ids = [rng.randrange(3, random_llama.SMOLLM_135M[0]) for _ in range(length)]
        made.append(Example(ids, length * 3 // 4))
    return made


# ---- the sides, each in a process of its own
# ---------------------------------------------------------------------


def measure(side: str, folder: Path, rows: int) -> dict[str, float]:
    import torch
    from transformers import TrainerCallback

    torch.manual_seed(0)
    data = examples(rows)

    class Clock(TrainerCallback):
        begin = end = 0.0

        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.begin = self.begin or time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.end = time.perf_counter()

    clock = Clock()
    make = {"ours": ours, "ours_packed": ours, "plain": plain, "trl": trl, "trl_packed": trl}[side]
    trainer = make(folder, data, side.endswith("packed"))
    trainer.add_callback(clock)
    trainer.train()
    return {"tokens_per_second": sum(len(e.input_ids) for e in data) / (clock.end - clock.begin)}


def settings_of_ours(longest: int, **changes: Any) -> Any:
    """`training.Shared` for a benchmark: bf16, nothing saved or evaluated on the way."""
    from reset.training.settings import SharedSettings

    speed = {
        "max_length": longest,
        "eval_every": 10**6,
        "save_every": 10**6,
        "warmup": 0.0,
        "precision": "bf16",
    }
    return SharedSettings(**{**PLAIN, **speed, "micro_batch": 2, **changes})


def ours(folder: Path, data: list[Example], packing: bool) -> Any:
    from reset.training import batches, trainer
    from reset.training.settings import Job, RunSettings, split_batch

    shared = settings_of_ours(LONGEST, packing=packing)
    recipe = RunSettings(learning_rate=2e-5, batch=BATCH, epochs=1)
    job = Job("benchmark", 0, folder / "model", folder, folder, shared, recipe)
    arguments = trainer.arguments(job, *split_batch(job, 1), folder / "checkpoints")
    arguments.save_strategy = arguments.eval_strategy = "no"
    model = trainer.load_model(job.start, shared, 0)
    steps = batches.optimizer_batches(
        [len(e.input_ids) for e in data], BATCH, 1, shared.length_window, 0
    )
    return trainer.CompletionTrainer(model, arguments, data, data, steps, shared)


def settings(folder: Path) -> dict[str, Any]:
    import torch

    return {
        "output_dir": str(folder / "checkpoints"),
        "per_device_train_batch_size": BATCH,
        "learning_rate": 2e-5,
        "num_train_epochs": 1,
        "bf16": True,
        "use_cpu": not torch.cuda.is_available(),
        "save_strategy": "no",
        "report_to": "none",
        "gradient_checkpointing": False,
    }


def load(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)


def rows_of(data: list[Example]) -> list[dict[str, list[int]]]:
    return [{"input_ids": example.input_ids, "labels": example.labels} for example in data]


def plain(folder: Path, data: list[Example], packing: bool) -> Any:
    """What one writes with transformers alone: pad to the longest row of a batch, all logits."""
    import torch
    from transformers import Trainer, TrainingArguments

    def collate(rows: list[dict[str, list[int]]]) -> dict[str, Any]:
        pad = torch.nn.utils.rnn.pad_sequence
        columns = {key: [torch.tensor(row[key]) for row in rows] for key in ("input_ids", "labels")}
        return {
            "input_ids": pad(columns["input_ids"], batch_first=True),
            "labels": pad(columns["labels"], batch_first=True, padding_value=IGNORE),
            "attention_mask": pad(
                [torch.ones_like(ids) for ids in columns["input_ids"]], batch_first=True
            ),
        }

    arguments = TrainingArguments(**settings(folder))
    return Trainer(load(folder), arguments, data_collator=collate, train_dataset=rows_of(data))  # type: ignore[arg-type]


def trl(folder: Path, data: list[Example], packing: bool) -> Any:
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    config = SFTConfig(**settings(folder), packing=packing, max_length=LONGEST)
    return SFTTrainer(
        model=load(folder),
        args=config,
        train_dataset=Dataset.from_list(rows_of(data)),
        processing_class=AutoTokenizer.from_pretrained(folder / "model"),
    )


if __name__ == "__main__":
    main()

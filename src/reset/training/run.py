"""One fine-tuning run: rows and a start model in, a Hugging Face folder and its learning curve out."""

import math
import sys
from pathlib import Path
from typing import Any

from reset.core import hashing, io
from reset.core.errors import InputError
from reset.tokens import context_window, encoding
from reset.training import batches, checkpoints, export, launch, resources
from reset.training.settings import (
    Job,
    SharedSettings,
    _settings,
    check_deepspeed,
    check_kernels,
    check_ranges,
    split_batch,
)

SOURCE = Path(__file__).parents[1]
# the code that turns rows into weights
TRAINERS = ("training/batches.py", "tokens/encoding.py", "training/trainer.py", "training/run.py")


def run(job: Job) -> None:
    """Train, or go on where a stopped run left off, and write `job.model`, `job.end` and
    `job.curve` whole, at the end.

    Raises InputError for unusable rows, models and settings and for a run that cannot fit, before
    any training, and when the loss is lost on the way; the last good checkpoint then stays under
    .work/train.
    """
    launch.ignore_settings()
    check_ranges(job)
    if job.recipe.epochs == 0:
        copy_start_model(job)
        return
    check_deepspeed(job.shared)
    check_kernels(job.shared)
    micro, accumulation = split_batch(job, launch.processes())
    train = encoding.expand(_rows(job.train, "no rows to train on"))
    dev = _rows(
        job.dev,
        "no rows to choose the checkpoint by; set data.dev (mixes), ranking.dev (ranked rows)"
        " above 0",
    )
    tokenizer = load_tokenizer(job.start)
    context_window.check(job.start, "train.shared.max_length", job.shared.max_length)
    train_examples = encoding.encode(train, tokenizer, job.shared.max_length, str(job.train))
    dev_examples = encoding.encode(dev, tokenizer, job.shared.max_length, str(job.dev))
    steps = batches.optimizer_batches(
        [len(example.input_ids) for example in train_examples],
        job.recipe.batch,
        job.recipe.epochs,
        job.shared.length_window,
        job.seed,
    )
    folder = checkpoints.Folder(Path(".work/train") / job.name, identity(job), launch.rank() == 0)
    outlook = resources.estimate_resources(job, train_examples, len(steps), micro, folder.path)
    if launch.rank() == 0:
        print(outlook, flush=True)
    outlook.check()
    parameters = export.parameters(job.start)

    from reset.training import trainer

    # the arguments come first: with them DeepSpeed learns of the other processes, among which it
    # shards the model
    arguments = trainer.arguments(job, micro, accumulation, folder.path)
    model = trainer.load_model(job.start, job.shared, job.seed)
    history = trainer.fit(
        model, arguments, train_examples, dev_examples, steps, job, folder, outlook.full_speed
    )
    if launch.rank() == 0:
        best = checkpoints.best_step(history)
        facts = _facts(job, train_examples, dev_examples, history)
        for step, out in ((best, job.model), (len(steps), job.end)):
            if out:
                weights = folder.checkpoint(step)
                if job.shared.lora:
                    weights = trainer.merge(job.start, weights, folder.path / "merged")
                card = export.card(out.name, {**facts, "this step": step, "best step": best})
                bf16 = job.shared.precision == "bf16"
                export.write(out, weights, job.start, parameters, tokenizer, card, bf16)
        io.write_text(job.curve, curve(history, len(steps) // job.recipe.epochs))
        folder.remove()


def copy_start_model(job: Job) -> None:
    """Write the start model as the outcome of `job`, with a curve without steps; see
    `Recipe.epochs`.
    """
    if launch.rank() == 0:
        tokenizer = load_tokenizer(job.start)
        parameters = export.parameters(job.start)
        for out in filter(None, (job.model, job.end)):
            card = export.card(out.name, {"start": job.start, "seed": job.seed, **_settings(job)})
            export.write(
                out,
                job.start,
                job.start,
                parameters,
                tokenizer,
                card,
                job.shared.precision == "bf16",
            )
        io.write_text(job.curve, curve([], 1))


def identity(job: Job) -> dict[str, Any]:
    """What a checkpoint of `job` depends on, by name; two runs with the same can go on from each
    other's.
    """
    code = hashing.digest([hashing.file_digest(SOURCE / name) for name in TRAINERS])
    return {
        "training code": code,
        "train rows": hashing.file_digest(job.train),
        "dev rows": hashing.file_digest(job.dev),
        "start model": hashing.file_digest(job.start),
        "seed": job.seed,
        "number of processes": launch.processes(),
        "DeepSpeed file": (
            hashing.file_digest(job.shared.deepspeed) if job.shared.deepspeed else None
        ),
        **_settings(job),
    }


def _rows(path: Path, complaint: str) -> list[io.Row]:
    rows = io.read(path)
    if not rows:
        raise InputError(f"{path}: {complaint}")
    return rows


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder; InputError where there is none."""
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder}: no model folder (it has no config.json)")
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder}: no usable tokenizer ({str(error).splitlines()[0]})") from None


def curve(history: list[dict[str, float]], steps_per_epoch: int) -> str:
    """The log as CSV: one row a step that was logged or evaluated; columns step, epoch, loss,
    eval_loss, perplexity (of the dev rows), learning_rate, grad_norm (empty where not measured at
    that step).
    """
    columns = ["step", "epoch", "loss", "eval_loss", "perplexity", "learning_rate", "grad_norm"]
    rows: dict[int, dict[str, float]] = {}
    for entry in history:
        row = rows.setdefault(int(entry["step"]), {"epoch": entry["step"] / steps_per_epoch})
        row.update({key: entry[key] for key in columns[2:] if key in entry})
        if "eval_loss" in entry:
            row["perplexity"] = math.exp(entry["eval_loss"])
    lines = [
        ",".join([str(step), *(f"{row[key]:.6g}" if key in row else "" for key in columns[1:])])
        for step, row in sorted(rows.items())
        if len(row) > 1
    ]
    return "\n".join([",".join(columns), *lines]) + "\n"


def _facts(
    job: Job,
    train: list[encoding.Example],
    dev: list[encoding.Example],
    history: list[dict[str, float]],
) -> dict[str, Any]:
    tokens = sum(len(example.input_ids) for example in train)
    losses = {int(entry["step"]): entry["eval_loss"] for entry in history if "eval_loss" in entry}
    return {
        "start": job.start,
        "train": f"{job.train}: {len(train)} rows an epoch, {tokens} tokens",
        "dev": f"{job.dev}: {len(dev)} rows",
        "seed": job.seed,
        **_settings(job),
        "evaluation loss by step": ", ".join(
            f"{step}: {loss:.5g}" for step, loss in losses.items()
        ),
    }


def skip_unused_imports(shared: SharedSettings) -> None:
    """Make transformers and accelerate take packages that this run has no use for as not installed.

    They import whatever is there: a third of the start-up time of a small run. For a process that
    only trains.
    """
    unused = ["datasets", "boto3", "sklearn", "tensorboard"]
    unused += [] if shared.lora else ["peft"]
    unused += [] if shared.deepspeed else ["deepspeed"]
    for package in unused:
        sys.modules.setdefault(package, None)  # type: ignore[arg-type]

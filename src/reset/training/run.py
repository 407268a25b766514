"""One fine-tuning run: rows and a start model in, a model folder and its learning curve out."""

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reset.core import hashing, io
from reset.core.errors import InputError
from reset.tokens import context_window
from reset.training import (
    auto,
    batches,
    checkpoints,
    devices,
    digests,
    encoded_rows,
    export,
    launch,
    model_size,
)
from reset.training.encoded_rows import EncodedRows
from reset.training.resource_estimate import check_merge, estimate_resources
from reset.training.settings import (
    Job,
    SharedSettings,
    check_deepspeed,
    check_kernels,
    named_settings,
    split_batch,
)

# the code that turns rows into weights; the trainer is not imported before it is needed
TRAINERS = (*encoded_rows.CODE, batches.__file__, Path(__file__).with_name("trainer.py"), __file__)
COLUMNS = ("step", "epoch", "loss", "eval_loss", "perplexity", "learning_rate", "grad_norm")


@dataclass(frozen=True)
class Rows:
    """The encoded rows of a run: those of one epoch of training, and those that choose the
    checkpoint.
    """

    train: EncodedRows
    dev: EncodedRows


def prepare(job: Job) -> None:
    """Make what all processes of `run` read, once, in the process that starts them; InputError as
    of `run` for what it can tell before.
    """
    if job.recipe.epochs:
        check_deepspeed(job.shared)
        encode(job, load_tokenizer(job.start))


def run(job: Job) -> None:
    """Train, or go on where a stopped run left off, and write `job.model`, `job.end` and
    `job.curve` whole, at the end.

    Raises InputError for unusable rows, models and settings and for a run that cannot fit, before
    any training, and when the loss is lost on the way; the last good checkpoint then stays under
    .work/train.
    """
    launch.ignore_settings()
    if job.recipe.epochs == 0:
        copy_start_model(job)
        return
    check_deepspeed(job.shared)
    check_kernels(job.shared)
    split_batch(job, launch.processes())
    tokenizer = load_tokenizer(job.start)
    model, device = model_size.size(job.start, job.shared), devices.device()
    devices.check_device(model, device)
    devices.check_precision(job.shared.precision, device)
    if job.shared.lora:
        check_merge(model)
    rows = encode(job, tokenizer)

    job = auto.resolve(job, model, device, rows.train, launch.processes())
    steps = _plan(job, rows)
    folder = checkpoints.Folder(job.work, identity(job), launch.rank() == 0)
    estimate = estimate_resources(job, model, device, rows.train, len(steps), folder.path)
    if launch.rank() == 0:
        print(estimate.text, flush=True)
    estimate.check()
    parameters = export.parameters(job.start)

    history = _fit(job, rows, steps, folder, estimate.full_speed)
    if launch.rank() == 0:
        _export(job, rows, history, len(steps), folder, parameters, tokenizer)
        io.write_text(job.curve, curve(history, len(steps) // job.recipe.epochs))
        folder.remove()


def encode(job: Job, tokenizer: Any) -> Rows:
    """Both files' rows as token ids, kept beside the checkpoints; InputError for unusable rows."""
    check_rows(job.train, "no rows to train on")
    check_rows(
        job.dev,
        "no rows to choose the checkpoint by; set data.dev (mixes), ranking.dev (ranked rows)"
        " above 0",
    )
    limit = job.shared.max_length
    context_window.check(job.start, "train.shared.max_length", limit)
    return Rows(
        train=encoded_rows.encode(job.train, job.start, tokenizer, limit, job.work),
        dev=encoded_rows.encode(job.dev, job.start, tokenizer, limit, job.work),
    )


def _plan(job: Job, rows: Rows) -> list[batches.Batch]:
    """The rows of every optimizer step."""
    lengths = [len(example.input_ids) for example in rows.train]
    recipe = job.recipe
    return batches.optimizer_batches(
        lengths, recipe.batch, recipe.epochs, job.shared.length_window, job.seed
    )


def _fit(
    job: Job,
    rows: Rows,
    steps: list[batches.Batch],
    folder: checkpoints.Folder,
    full_speed: float | None,
) -> list[dict[str, float]]:
    """Train, and return the log."""
    from reset.training import trainer

    micro, accumulation = split_batch(job, launch.processes())
    # the arguments come first: with them DeepSpeed learns of the other processes, among which it
    # shards the model
    arguments = trainer.arguments(job, micro, accumulation, folder.path)
    model = trainer.load_model(job.start, job.shared, job.seed)
    return trainer.fit(model, arguments, rows.train, rows.dev, steps, job, folder, full_speed)


def _export(
    job: Job,
    rows: Rows,
    history: list[dict[str, float]],
    last: int,
    folder: checkpoints.Folder,
    parameters: export.Shapes,
    tokenizer: Any,
) -> None:
    """Write the model of the best step, and that of the last one where `job.end` asks for it."""
    from reset.training import trainer

    best = checkpoints.best_step(history)
    facts = _facts(job, rows, history)
    for step, out in ((best, job.model), (last, job.end)):
        if not out:
            continue
        weights = folder.checkpoint(step)
        if job.shared.lora:
            weights = trainer.merge(job.start, weights, folder.path / "merged")
        card = export.card(out.name, {**facts, "this step": step, "best step": best})
        bf16 = job.shared.precision == "bf16"
        export.write(out, weights, job.start, parameters, tokenizer, card, bf16)


def copy_start_model(job: Job) -> None:
    """Write the start model as the outcome of `job`, with a curve without steps; see
    `RunSettings.epochs`.
    """
    if launch.rank() != 0:
        return
    tokenizer = load_tokenizer(job.start)
    parameters = export.parameters(job.start)
    bf16 = job.shared.precision == "bf16"
    facts = {"start": job.start, "seed": job.seed, **named_settings(job)}
    for out in filter(None, (job.model, job.end)):
        card = export.card(out.name, facts)
        export.write(out, job.start, job.start, parameters, tokenizer, card, bf16)
    io.write_text(job.curve, curve([], 1))


def identity(job: Job) -> dict[str, Any]:
    """What a checkpoint of `job` depends on, by name; two runs with the same can go on from each
    other's.
    """
    code = hashing.digest([hashing.file_digest(file) for file in TRAINERS])
    deepspeed = None
    if job.shared.deepspeed:
        deepspeed = hashing.file_digest(job.shared.deepspeed)
    return {
        "training code": code,
        "train rows": hashing.file_digest(job.train),
        "dev rows": hashing.file_digest(job.dev),
        "start model": digests.folder_digest(job.start),
        "seed": job.seed,
        "number of processes": launch.processes(),
        "DeepSpeed file": deepspeed,
        **named_settings(job),
    }


def check_rows(path: Path, complaint: str) -> None:
    """InputError with `complaint` for a file without rows."""
    if next(io.stream(path), None) is None:
        raise InputError(f"{path}: {complaint}")


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
    """The log as CSV: one row a step that was logged or evaluated, with COLUMNS; perplexity is that
    of the dev rows, and what was not measured at a step is empty.
    """
    rows: dict[int, dict[str, float]] = {}
    for entry in history:
        step = int(entry["step"])
        row = rows.setdefault(step, {"step": step, "epoch": entry["step"] / steps_per_epoch})
        for key in COLUMNS[2:]:
            if key in entry:
                row[key] = entry[key]
        if "eval_loss" in entry:
            row["perplexity"] = math.exp(entry["eval_loss"])
    lines = [",".join(COLUMNS)]
    for _, row in sorted(rows.items()):
        if len(row) > 2:
            lines.append(_line(row))
    return "\n".join(lines) + "\n"


def _line(row: dict[str, float]) -> str:
    cells = [str(row["step"])]
    for key in COLUMNS[1:]:
        cells.append(f"{row[key]:.6g}" if key in row else "")
    return ",".join(cells)


def _facts(job: Job, rows: Rows, history: list[dict[str, float]]) -> dict[str, Any]:
    """The lines of a model's README."""
    tokens = sum(len(example.input_ids) for example in rows.train)
    losses = []
    for entry in history:
        if "eval_loss" in entry:
            losses.append(f"{int(entry['step'])}: {entry['eval_loss']:.5g}")
    return {
        "start": job.start,
        "train": f"{job.train}: {len(rows.train)} rows an epoch, {tokens} tokens",
        "dev": f"{job.dev}: {len(rows.dev)} rows",
        "seed": job.seed,
        **named_settings(job),
        "evaluation loss by step": ", ".join(losses),
    }


def skip_unused_imports(shared: SharedSettings) -> None:
    """Make transformers and accelerate treat packages that this run does not use as not installed.

    They import whatever is there: a third of the start-up time of a small run. For a process that
    only trains.
    """
    unused = ["datasets", "boto3", "sklearn", "tensorboard"]
    unused += [] if shared.lora else ["peft"]
    unused += [] if shared.deepspeed else ["deepspeed"]
    for package in unused:
        sys.modules.setdefault(package, None)  # type: ignore[arg-type]

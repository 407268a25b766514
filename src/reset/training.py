"""One fine-tuning run: rows and a start model in, a Hugging Face folder and its learning curve out."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from reset import batching, checkpoints, encoding, export, records
from reset.errors import InputError


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters on all linear layers (peft), merged before export."""

    rank: int
    alpha: int
    dropout: float


@dataclass(frozen=True)
class Shared:
    """`train.shared`: what all runs have in common."""

    max_length: int  # tokens of prompt, target and EOS; a longer row is an error
    eval_every: int  # optimizer steps between two evaluations, each with a checkpoint
    log_every: int  # optimizer steps between two rows of the curve
    warmup: float  # share of the steps over which the learning rate rises
    weight_decay: float
    precision: Literal["fp32", "bf16"]  # bf16: autocast over fp32 weights (DeepSpeed: bf16 weights, fp32 masters)
    micro_batch: int  # rows at once on one device; batch / (micro_batch × processes) micro-batches are accumulated
    length_window: int  # optimizer steps whose rows are sorted by length together; 1 leaves the steps random
    packing: bool  # lay the rows of a micro-batch end to end instead of padding them
    gradient_checkpointing: bool
    frozen: list[str]  # parameters whose name contains one of these are not trained
    lora: Lora | None
    deepspeed: str | None  # a file of configs/
    launch: str | None  # command that starts the processes, such as "torchrun --nproc_per_node 8"; null: this process


@dataclass(frozen=True)
class Recipe:
    """`train.<run>`."""

    learning_rate: float
    batch: int  # rows of one optimizer step, over all processes and micro-batches
    epochs: int


@dataclass(frozen=True)
class Job:
    """One run of the pipeline. `start` is a model folder, `train` and `dev` are files of rows."""

    run: str
    seed: int
    start: Path
    train: Path
    dev: Path
    shared: Shared
    recipe: Recipe

    @property
    def name(self) -> str:
        return f"{self.run}_{self.seed}"

    @property
    def model(self) -> Path:
        return Path("models") / self.name

    @property
    def curve(self) -> Path:
        return Path("metrics/train") / f"{self.name}.csv"


def identity(job: Job, processes: int) -> dict[str, Any]:
    """What a checkpoint of `job` depends on, by name; two runs with the same can go on from each other's."""
    return {
        "train rows": records.file_digest(job.train),
        "dev rows": records.file_digest(job.dev),
        "start model": records.file_digest(job.start),
        "seed": job.seed,
        "number of processes": processes,
        **{f"train.shared.{key}": value for key, value in asdict(job.shared).items() if key != "launch"},
        **{f"train.{job.run}.{key}": value for key, value in asdict(job.recipe).items()},
    }


def run(job: Job) -> None:
    """Train, resume where a stopped run left off, and write `job.model` and `job.curve` whole, at the end.

    Raises InputError for unusable rows, models and settings before any training, and when the loss is lost on the way;
    the last good checkpoint then stays under .work/train.
    """
    _hide_unused_packages(job.shared)
    tokenizer = load_tokenizer(job.start)
    rows = encoding.expand(records.read(job.train))
    if not rows:
        raise InputError(f"{job.train}: no rows to train on")
    train = encoding.encode(rows, tokenizer, job.shared.max_length, str(job.train))
    dev = encoding.encode(records.read(job.dev), tokenizer, job.shared.max_length, str(job.dev))
    if not dev:
        raise InputError(f"{job.dev}: no rows to choose the checkpoint by; set data.dev above 0")

    from reset import trainer

    arguments = trainer.arguments(job)
    steps = batching.optimizer_batches(
        [len(example.input_ids) for example in train],
        job.recipe.batch,
        job.recipe.epochs,
        job.shared.length_window,
        job.seed,
    )
    folder = checkpoints.Folder(Path(".work/train") / job.name, identity(job, arguments.world_size))
    with arguments.main_process_first(local=False, desc="look for checkpoints"):
        last = folder.latest()
    model = trainer.load_model(job.start, job.shared)
    history = trainer.fit(model, arguments, train, dev, steps, job.shared, folder, last)
    if arguments.process_index == 0:
        best = checkpoints.best_step(history)
        weights = folder.checkpoint(best)
        if job.shared.lora:
            weights = trainer.merge(job.start, weights, folder.path / "merged")
        card = export.card(job.name, _facts(job, train, dev, history, best))
        export.write(job.model, weights, job.start, tokenizer, card, bf16=job.shared.precision == "bf16")
        records.write_text(job.curve, curve(history, len(steps) // job.recipe.epochs))
        folder.remove()


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
    """The log as CSV: one row a step that was logged or evaluated; columns step, epoch, loss, eval_loss,
    learning_rate, grad_norm (empty where not measured at that step).
    """
    columns = ["step", "epoch", "loss", "eval_loss", "learning_rate", "grad_norm"]
    rows: dict[int, dict[str, float]] = {}
    for entry in history:
        row = rows.setdefault(int(entry["step"]), {"epoch": entry["step"] / steps_per_epoch})
        row.update({key: entry[key] for key in columns[2:] if key in entry})
    lines = [
        ",".join([str(step), *(f"{row[key]:.6g}" if key in row else "" for key in columns[1:])])
        for step, row in sorted(rows.items())
        if len(row) > 1
    ]
    return "\n".join([",".join(columns), *lines]) + "\n"


def _facts(job: Job, train: list, dev: list, history: list[dict[str, float]], best: int) -> dict[str, Any]:
    losses = {int(entry["step"]): entry["eval_loss"] for entry in history if "eval_loss" in entry}
    return {
        "start": str(job.start),
        "train": f"{job.train} ({len(train)} rows an epoch, {sum(len(e.input_ids) for e in train)} tokens)",
        "dev": f"{job.dev} ({len(dev)} rows)",
        "seed": job.seed,
        **{f"train.{job.run}.{key}": value for key, value in asdict(job.recipe).items()},
        **{f"train.shared.{key}": value for key, value in asdict(job.shared).items()},
        "steps": max(losses),
        "best step": best,
        "eval_loss": f"{losses[best]:.6g}",
    }


def _hide_unused_packages(shared: Shared) -> None:
    """Make transformers and accelerate take packages that this run has no use for as not installed.

    They import whatever is there: a third of the start-up time of a small run.
    """
    unused = ["datasets", "boto3", "sklearn", "tensorboard"]
    unused += [] if shared.lora else ["peft"]
    unused += [] if shared.deepspeed else ["deepspeed"]
    for package in unused:
        sys.modules.setdefault(package, None)  # type: ignore[arg-type]

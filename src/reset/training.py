"""One fine-tuning run: rows and a start model in, a Hugging Face folder and its learning curve out."""

import importlib.util
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from reset import batching, checkpoints, encoding, export, forecast, launch, records, window
from reset.errors import InputError

TRAINERS = ("batching.py", "encoding.py", "trainer.py", "training.py")  # the code that turns rows into weights

# setting -> the value that needs a package (and a GPU), the package, the value that needs none
KERNELS: dict[str, tuple[Any, str, str]] = {
    "attention": ("flash_attention_2", "flash_attn", "sdpa"),
    "liger": (True, "liger_kernel", "false"),
}


# setting -> the least value, and the least that is too high
RANGES: dict[str, tuple[float, float]] = {
    "train.shared.max_length": (1, math.inf),
    "train.shared.eval_every": (1, math.inf),
    "train.shared.save_every": (1, math.inf),
    "train.shared.warmup": (0, 1),
    "train.shared.weight_decay": (0, math.inf),
    "train.shared.micro_batch": (1, math.inf),
    "train.shared.length_window": (1, math.inf),
    "train.shared.lora.rank": (1, math.inf),
    "train.shared.lora.alpha": (1, math.inf),
    "train.shared.lora.dropout": (0, 1),
    "learning_rate": (0, math.inf),
    "batch": (1, math.inf),
    "epochs": (0, math.inf),
}


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
    eval_every: int  # optimizer steps between two evaluations; the weights of the best so far are kept
    save_every: int  # steps between two checkpoints with optimizer, to resume from: a multiple of eval_every
    warmup: float  # share of the steps over which the learning rate rises
    weight_decay: float
    precision: Literal["fp32", "bf16"]  # bf16: autocast over fp32 weights; over bf16 ones with deepspeed or lora
    micro_batch: int  # rows at once on one device; a larger batch is accumulated from several
    length_window: int  # optimizer steps whose rows are sorted by length together; 1 leaves the steps random
    packing: bool  # lay the rows of a micro-batch end to end instead of padding them; refused where a model mixes them
    attention: Literal["sdpa", "flash_attention_2", "eager"]
    compile: bool  # torch.compile
    liger: bool  # the fused kernels of the package liger-kernel, for GPUs
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
    epochs: int  # 0: the start model as it is, so that a run can be taken over from elsewhere


@dataclass(frozen=True)
class Job:
    """One run of the pipeline. `start` is a model folder, `train` and `dev` are files of rows.

    `end`, where given, is a second folder to write: the model after the last step, beside the best one.
    """

    run: str
    seed: int
    start: Path
    train: Path
    dev: Path
    shared: Shared
    recipe: Recipe
    end: Path | None = None

    @property
    def name(self) -> str:
        return f"{self.run}_{self.seed}"

    @property
    def model(self) -> Path:
        return Path("models") / self.name

    @property
    def live(self) -> Path:
        """DVCLive's folder: speed and memory differ between two runs, so they are no out of the stage."""
        return Path(".work/live") / self.name

    @property
    def curve(self) -> Path:
        return Path("metrics/train") / f"{self.name}.csv"


def run(job: Job) -> None:
    """Train, or go on where a stopped run left off, and write `job.model`, `job.end` and `job.curve` whole, at the end.

    Raises InputError for unusable rows, models and settings and for a run that cannot fit, before any training, and
    when the loss is lost on the way; the last good checkpoint then stays under .work/train.
    """
    check_ranges(job)
    if job.recipe.epochs == 0:
        keep(job)
        return
    check_deepspeed(job.shared)
    check_kernels(job.shared)
    micro, accumulation = division(job, launch.processes())
    train = encoding.expand(_rows(job.train, "no rows to train on"))
    dev = _rows(job.dev, "no rows to choose the checkpoint by; set data.dev (mixes), ranking.dev (ranked rows) above 0")
    tokenizer = load_tokenizer(job.start)
    window.check(job.start, "train.shared.max_length", job.shared.max_length)
    train_examples = encoding.encode(train, tokenizer, job.shared.max_length, str(job.train))
    dev_examples = encoding.encode(dev, tokenizer, job.shared.max_length, str(job.dev))
    steps = batching.optimizer_batches(
        [len(example.input_ids) for example in train_examples],
        job.recipe.batch,
        job.recipe.epochs,
        job.shared.length_window,
        job.seed,
    )
    folder = checkpoints.Folder(Path(".work/train") / job.name, identity(job), launch.rank() == 0)
    outlook = forecast.look(job, train_examples, len(steps), micro, folder.path)
    if launch.rank() == 0:
        print(outlook, flush=True)
    outlook.check()
    parameters = export.parameters(job.start)

    from reset import trainer

    # the arguments come first: with them DeepSpeed learns of the other processes, among which it shards the model
    arguments = trainer.arguments(job, micro, accumulation, folder.path)
    model = trainer.load_model(job.start, job.shared, job.seed)
    history = trainer.fit(model, arguments, train_examples, dev_examples, steps, job, folder, outlook.full_speed)
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
        records.write_text(job.curve, curve(history, len(steps) // job.recipe.epochs))
        folder.remove()


def keep(job: Job) -> None:
    """Write the start model as the outcome of `job`, with a curve without steps; see `Recipe.epochs`."""
    if launch.rank() == 0:
        tokenizer = load_tokenizer(job.start)
        parameters = export.parameters(job.start)
        for out in filter(None, (job.model, job.end)):
            card = export.card(out.name, {"start": job.start, "seed": job.seed, **_settings(job)})
            export.write(out, job.start, job.start, parameters, tokenizer, card, job.shared.precision == "bf16")
        records.write_text(job.curve, curve([], 1))


def check_deepspeed(shared: Shared) -> None:
    """InputError where DeepSpeed has no configuration file or no launcher."""
    if not shared.deepspeed:
        return
    if not Path(shared.deepspeed).is_file():
        raise InputError(f"params.yaml: train.shared.deepspeed '{shared.deepspeed}' is no file; see configs/")
    if not launch.inside():
        example = '"torchrun --standalone --nproc_per_node 1"'
        raise InputError(f"params.yaml: train.shared.deepspeed needs train.shared.launch too, such as {example}")


def check_kernels(shared: Shared) -> None:
    """InputError where a setting asks for kernels whose package is not installed, or for a GPU that is not there."""
    for key, (value, package, other) in KERNELS.items():
        if getattr(shared, key) != value:
            continue
        if not importlib.util.find_spec(package):
            name = package.replace("_", "-")
            raise InputError(f"params.yaml: train.shared.{key} needs the package {name}: install it, or set {other}")
        import torch

        if not torch.cuda.is_available():
            raise InputError(f"params.yaml: train.shared.{key} needs a GPU, and there is none: set {other}")


def check_ranges(job: Job) -> None:
    """InputError for the first setting whose value is outside RANGES."""
    shared, recipe = asdict(job.shared), asdict(job.recipe)
    values = {f"train.shared.{key}": value for key, value in shared.items()} | recipe
    values |= {f"train.shared.lora.{key}": value for key, value in (shared["lora"] or {}).items()}
    for key, (least, end) in RANGES.items():
        if key in values and not least <= values[key] < end:
            name = key if "." in key else f"train.{job.run}.{key}"
            below = "" if end == math.inf else f" and below {end}"
            raise InputError(f"params.yaml: {name} is {values[key]}; a number from {least}{below} is expected")


def division(job: Job, processes: int) -> tuple[int, int]:
    """How a batch is shared out: rows at once on each process, and how often for one step.

    Raises InputError where these cannot make up the batch exactly.
    """
    if job.shared.save_every % job.shared.eval_every:
        raise InputError(
            f"params.yaml: train.shared.save_every {job.shared.save_every} is no multiple of eval_every "
            f"{job.shared.eval_every}"
        )
    rows, rest = divmod(job.recipe.batch, processes)
    micro = min(job.shared.micro_batch, rows)
    if rest or micro < 1 or rows % micro:
        raise InputError(
            f"params.yaml: train.{job.run}.batch {job.recipe.batch} cannot be shared out over {processes} processes "
            f"in parts of train.shared.micro_batch {job.shared.micro_batch}; one must divide the other"
        )
    return micro, rows // micro


def identity(job: Job) -> dict[str, Any]:
    """What a checkpoint of `job` depends on, by name; two runs with the same can go on from each other's."""
    code = records.digest([records.file_digest(Path(__file__).with_name(name)) for name in TRAINERS])
    return {
        "training code": code,
        "train rows": records.file_digest(job.train),
        "dev rows": records.file_digest(job.dev),
        "start model": records.file_digest(job.start),
        "seed": job.seed,
        "number of processes": launch.processes(),
        "DeepSpeed file": records.file_digest(job.shared.deepspeed) if job.shared.deepspeed else None,
        **_settings(job),
    }


def _settings(job: Job) -> dict[str, Any]:
    """The params of `job` by dotted name, without those on which no weight depends."""
    idle = ("launch", "save_every")
    named = {f"train.shared.{key}": value for key, value in asdict(job.shared).items() if key not in idle}
    return {**named, **{f"train.{job.run}.{key}": value for key, value in asdict(job.recipe).items()}}


def _rows(path: Path, complaint: str) -> list[records.Row]:
    rows = records.read(path)
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
    """The log as CSV: one row a step that was logged or evaluated; columns step, epoch, loss, eval_loss, perplexity
    (of the dev rows), learning_rate, grad_norm (empty where not measured at that step).
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
    job: Job, train: list[encoding.Example], dev: list[encoding.Example], history: list[dict[str, float]]
) -> dict[str, Any]:
    tokens = sum(len(example.input_ids) for example in train)
    losses = {int(entry["step"]): entry["eval_loss"] for entry in history if "eval_loss" in entry}
    return {
        "start": job.start,
        "train": f"{job.train}: {len(train)} rows an epoch, {tokens} tokens",
        "dev": f"{job.dev}: {len(dev)} rows",
        "seed": job.seed,
        **_settings(job),
        "evaluation loss by step": ", ".join(f"{step}: {loss:.5g}" for step, loss in losses.items()),
    }


def hide_unused_packages(shared: Shared) -> None:
    """Make transformers and accelerate take packages that this run has no use for as not installed.

    They import whatever is there: a third of the start-up time of a small run. For a process that only trains.
    """
    unused = ["datasets", "boto3", "sklearn", "tensorboard"]
    unused += [] if shared.lora else ["peft"]
    unused += [] if shared.deepspeed else ["deepspeed"]
    for package in unused:
        sys.modules.setdefault(package, None)  # type: ignore[arg-type]

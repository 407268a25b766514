"""The settings of a fine-tuning run (params: train), checked before anything is loaded."""

import importlib.util
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from reset.core.errors import InputError
from reset.core.params import Count, Natural, NonNegative, Part
from reset.training import launch

# setting -> the value that needs a package (and a GPU), the package, the value that needs none
KERNELS: dict[str, tuple[Any, str, str]] = {
    "attention": ("flash_attention_2", "flash_attn", "sdpa"),
    "liger": (True, "liger_kernel", "false"),
}


@dataclass(frozen=True)
class LoraSettings:
    """Low-rank adapters on all linear layers (peft), merged before export."""

    rank: Count
    alpha: Count
    dropout: Part


@dataclass(frozen=True)
class SharedSettings:
    """`train.shared`: what all runs have in common. `training.auto` replaces each `auto`."""

    max_length: Count  # tokens of prompt, target and EOS; a longer row is an error
    # optimizer steps between two evaluations; the weights of the best so far are kept
    eval_every: Count
    # steps between two checkpoints with optimizer, to resume from: a multiple of eval_every
    save_every: Count
    warmup: Part  # share of the steps over which the learning rate rises
    weight_decay: NonNegative
    # bf16: autocast over fp32 weights; over bf16 ones with deepspeed or lora
    precision: Literal["fp32", "bf16"]
    # rows at once on one device; a larger batch is accumulated from several
    micro_batch: Count | Literal["auto"]
    # optimizer steps whose rows are sorted by length together; 1 leaves the steps random
    length_window: Count
    # lay the rows of a micro-batch end to end instead of padding them; refused where a model mixes
    # them
    packing: bool | Literal["auto"]
    attention: Literal["sdpa", "flash_attention_2", "eager"]
    compile: bool  # torch.compile
    liger: bool | Literal["auto"]  # the fused kernels of the package liger-kernel, for GPUs
    gradient_checkpointing: bool | Literal["auto"]
    frozen: list[str]  # parameters whose name contains one of these are not trained
    lora: LoraSettings | None
    deepspeed: str | None  # a file of configs/
    # command that starts the processes, such as "torchrun --nproc_per_node 8"; null: this process
    launch: str | None

    def __post_init__(self) -> None:
        if self.save_every % self.eval_every:
            raise InputError(
                f"params.yaml: train.shared.save_every {self.save_every} is no multiple of"
                f" eval_every {self.eval_every}"
            )
        if self.lora and self.frozen:
            raise InputError(
                "params.yaml: train.shared.frozen has no effect with lora, which freezes all; set"
                " it to []"
            )


@dataclass(frozen=True)
class RunSettings:
    """`train.<run>`."""

    learning_rate: NonNegative
    batch: Count  # rows of one optimizer step, over all processes and micro-batches
    epochs: Natural  # 0: the start model as it is, so that a run can be taken over from elsewhere


@dataclass(frozen=True)
class Job:
    """One run of the pipeline. `start` is a model folder, `train` and `dev` are files of rows.

    `end`, where given, is a second folder to write: the model after the last step, beside the best
    one.
    """

    run: str
    seed: int
    start: Path
    train: Path
    dev: Path
    shared: SharedSettings
    recipe: RunSettings
    end: Path | None = None

    @property
    def name(self) -> str:
        return f"{self.run}_{self.seed}"

    @property
    def model(self) -> Path:
        return Path("models") / self.name

    @property
    def work(self) -> Path:
        """The folder of what is needed until the model is written: encoded rows, checkpoints."""
        return Path(".work/train") / self.name

    @property
    def live(self) -> Path:
        """DVCLive's folder: speed and memory differ between two runs, so they are no out of the
        stage.
        """
        return Path(".work/live") / self.name

    @property
    def curve(self) -> Path:
        return Path("metrics/train") / f"{self.name}.csv"


def check_deepspeed(shared: SharedSettings) -> None:
    """InputError where DeepSpeed has no launcher, or no configuration file in JSON."""
    if not shared.deepspeed:
        return
    setting = f"params.yaml: train.shared.deepspeed '{shared.deepspeed}'"
    try:
        json.loads(Path(shared.deepspeed).read_text(encoding="utf-8"))
    except OSError:
        raise InputError(f"{setting} is no file; see configs/") from None
    except ValueError as error:
        raise InputError(f"{setting} is not JSON ({error})") from None
    if not (shared.launch or launch.inside()):
        example = '"torchrun --standalone --nproc_per_node 1"'
        raise InputError(
            f"params.yaml: train.shared.deepspeed needs train.shared.launch too, such as {example}"
        )


def check_kernels(shared: SharedSettings) -> None:
    """InputError where a setting asks for kernels whose package is not installed, or for a GPU that
    is not there.
    """
    for key, (value, package, other) in KERNELS.items():
        if getattr(shared, key) != value:
            continue
        if not importlib.util.find_spec(package):
            name = package.replace("_", "-")
            raise InputError(
                f"params.yaml: train.shared.{key} needs the package {name}: install it, or set"
                f" {other}"
            )
        import torch

        if not torch.cuda.is_available():
            raise InputError(
                f"params.yaml: train.shared.{key} needs a GPU, and there is none: set {other}"
            )


def split_batch(job: Job, processes: int) -> tuple[int, int]:
    """How a batch is shared out: rows at once on each process, and how often for one step. A
    micro-batch of `auto` counts as one row.

    Raises InputError where these cannot make up the batch exactly.
    """
    shared, batch = job.shared, job.recipe.batch
    rows, rest = divmod(batch, processes)
    wanted = 1 if shared.micro_batch == "auto" else shared.micro_batch
    micro = min(wanted, rows)
    if rest or micro < 1 or rows % micro:
        raise InputError(
            f"params.yaml: train.{job.run}.batch {batch} cannot be shared out over {processes}"
            f" processes in parts of train.shared.micro_batch {shared.micro_batch}; one must"
            " divide the other"
        )
    return micro, rows // micro


def named_settings(job: Job) -> dict[str, Any]:
    """The params of `job` by dotted name, without those on which no weight depends."""
    named = {f"train.shared.{key}": value for key, value in asdict(job.shared).items()}
    del named["train.shared.launch"], named["train.shared.save_every"]
    return named | {f"train.{job.run}.{key}": value for key, value in asdict(job.recipe).items()}

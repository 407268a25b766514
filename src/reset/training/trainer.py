"""transformers.Trainer with this project's batches, a loss over targets alone, and checkpoints
complete or absent.
"""

import math
from collections.abc import Sequence
from heapq import nsmallest
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.utils import logging

from reset.core.errors import InputError
from reset.tokens.encoding import IGNORE, Example
from reset.training import batches, packing
from reset.training.best_weights import BestWeights
from reset.training.checkpoints import Folder, best_step, step_of
from reset.training.progress import Watch, forget_after
from reset.training.settings import Job, SharedSettings

LOG_EVERY = 10  # optimizer steps between two rows of the learning curve
# a loss above this many times that of uniform guessing, ln(vocabulary), counts as exploded (our
# assumption)
LOSS_EXPLODED = 3.0


def arguments(job: Job, micro: int, accumulation: int, folder: Path) -> TrainingArguments:
    """The Trainer's arguments for `job`, with checkpoints in `folder`."""
    shared, on_gpu = job.shared, torch.cuda.is_available()
    logging.disable_progress_bar()
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=accumulation,
        learning_rate=job.recipe.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=shared.warmup,
        weight_decay=shared.weight_decay,
        num_train_epochs=1,  # the epochs are laid end to end in the list of batches
        eval_strategy="steps",
        eval_steps=shared.eval_every,
        save_strategy="steps",
        save_steps=shared.eval_every,
        logging_steps=LOG_EVERY,
        logging_nan_inf_filter=False,
        bf16=shared.precision == "bf16",
        use_cpu=not on_gpu,
        torch_compile=shared.compile,
        use_liger_kernel=shared.liger is True,
        gradient_checkpointing=shared.gradient_checkpointing is True,
        deepspeed=shared.deepspeed,
        seed=job.seed,
        dataloader_pin_memory=on_gpu,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
    )
    _ = arguments.device  # joins the other processes
    if arguments.n_gpu > 1:
        # one process uses one GPU: the Trainer would wrap the model in DataParallel, which cuts
        # every tensor of a batch along its first dimension, the kept positions too
        print(
            f"{arguments.n_gpu} GPUs are visible, and one is used: train.shared.launch starts a"
            " process for each (configs/launch/README.md)",
            flush=True,
        )
        arguments._n_gpu = 1
    if shared.deepspeed:
        import deepspeed

        # DeepSpeed must know of them before it shards a model on loading
        deepspeed.init_distributed()
    return arguments


def load_model(folder: Path, shared: SharedSettings, seed: int) -> Any:
    """The causal model of a folder in fp32, with the parameters of `shared.frozen` frozen; or in
    `shared.precision` with random adapters, which peft keeps in fp32.
    """
    half = shared.lora and shared.precision == "bf16"
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.bfloat16 if half else torch.float32,
            attn_implementation=shared.attention,
            local_files_only=True,
        )
    except (ImportError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{folder}: cannot be loaded with train.shared.attention '{shared.attention}'"
            f" ({reason})"
        ) from None
    if shared.lora:
        from peft import LoraConfig, get_peft_model

        lora = shared.lora
        # gradient checkpointing needs a graph at the first, frozen layer
        model.enable_input_require_grads()
        adapters = LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            try:
                return get_peft_model(model, adapters)
            except ValueError as error:  # peft refuses some of Mamba's modules
                raise InputError(
                    f"params.yaml: train.shared.lora: {folder} cannot have adapters"
                    f" ({str(error).splitlines()[0]}); set null"
                ) from None
    freeze(model, shared.frozen)
    return model


def freeze(model: torch.nn.Module, patterns: list[str]) -> None:
    """Exclude parameters from training by parts of their names; InputError for a pattern that none
    contains.
    """
    names = [name for name, _ in model.named_parameters()]
    for pattern in patterns:
        if not any(pattern in name for name in names):
            raise InputError(
                f"params.yaml: train.shared.frozen '{pattern}' is in no parameter's name, such as"
                f" {names[0]}"
            )
    for name, parameter in model.named_parameters():
        if any(pattern in name for pattern in patterns):
            parameter.requires_grad_(False)


def fit(
    model: Any,
    args: TrainingArguments,
    train: Sequence[Example],
    dev: Sequence[Example],
    steps: list[batches.Batch],
    job: Job,
    folder: Folder,
    full: float | None,
) -> list[dict[str, float]]:
    """Run `steps` from the newest checkpoint of `folder`, leaving the best and the last there.

    `full` is the speed in tokens/s that would be the devices' peak, None where that is not known.
    Returns the log, one dict an entry, each with its `step`.
    """
    trainer = CompletionTrainer(model, args, train, dev, steps, job.shared)
    last = folder.latest()
    live = None
    if folder.leads and find_spec("dvclive"):  # benchmarks run where DVC is not installed, too
        from dvclive import Live

        if last:
            forget_after(step_of(last), job.live)
        live = Live(str(job.live), resume=bool(last), save_dvc_exp=False, dvcyaml=None)
    trainer.remove_callback(PrinterCallback)
    tokens = []
    for step in steps:
        tokens.append(sum(len(train[i].input_ids) for i in step))
    trainer.add_callback(Watch(folder, tokens, job.shared.save_every, full, live))
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    return trainer.state.log_history


def merge(start: Path, adapters: Path, folder: Path) -> Path:
    """Add trained adapters to the start model's weights; returns `folder`, which then holds the sum
    in fp32.
    """
    from peft import PeftModel
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    # else ZeRO-3 would shard this model too, and wait for processes that do not load it
    unset_hf_deepspeed_config()
    model = AutoModelForCausalLM.from_pretrained(start, dtype=torch.float32, local_files_only=True)
    PeftModel.from_pretrained(model, adapters).merge_and_unload().save_pretrained(folder)
    return folder


class CompletionTrainer(Trainer):
    """Trainer over given batches. The loss is the mean over the target tokens of the whole
    optimizer step.
    """

    def __init__(self, model, args, train, dev, steps, shared):
        collate = batches.packed if shared.packing else batches.padded
        super().__init__(
            model=model, args=args, data_collator=collate, train_dataset=train, eval_dataset=dev
        )
        self.examples, self.dev, self.steps = train, dev, steps
        self.save_every, self.precision = shared.save_every, shared.precision
        self.packing_unchecked = (
            shared.packing and args.per_device_train_batch_size > 1 and len(train) > 1
        )
        self.limit = LOSS_EXPLODED * math.log(model.config.get_text_config().vocab_size)
        self.step_loss = torch.zeros((), device=args.device)
        self.best = BestWeights(model, args.should_save)

    def get_train_dataloader(self) -> DataLoader:
        args = self.args
        return self._loader(self.examples, self.steps, args.gradient_accumulation_steps)

    def _loader(
        self, examples: Sequence[Example], steps: list[batches.Batch], rounds: int
    ) -> DataLoader:
        """This process's micro-batches of `steps`, `rounds` of them a step."""
        args = self.args
        lengths = None
        if self.data_collator is batches.packed:
            lengths = [len(example.input_ids) for example in examples]
        plan = batches.micro_batches(
            steps,
            args.per_device_train_batch_size,
            rounds,
            args.world_size,
            args.process_index,
            lengths,
        )
        rows: Any = examples  # a sequence serves as a map-style dataset
        return DataLoader(
            rows,
            batch_sampler=plan,
            collate_fn=self.data_collator,
            pin_memory=args.dataloader_pin_memory,
        )

    def training_step(self, model, inputs, num_items_in_batch=None) -> torch.Tensor:
        """Backward through one micro-batch; InputError before the first if attention crosses packed
        rows, and before the optimizer's step if the loss explodes.
        """
        if self.packing_unchecked:
            self._check_packing()
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.step_loss += loss
        if self.accelerator.sync_gradients:
            # processes scale theirs by their number
            mean = self.accelerator.reduce(self.step_loss, "mean").item()
            self.step_loss = torch.zeros_like(loss)
            self._stop_if_exploded(mean, self.state.global_step + 1, "loss")
        return loss

    def _check_packing(self) -> None:
        model = self.model_wrapped
        model.eval()
        shortest = nsmallest(2, self.examples, key=lambda example: len(example.input_ids))
        packing.check(
            lambda inputs: model(**self._prepare_inputs(inputs)).logits, shortest, self.precision
        )
        self.packing_unchecked = False

    def evaluate(
        self, eval_dataset=None, ignore_keys=None, metric_key_prefix="eval"
    ) -> dict[str, float]:
        """The dev rows' loss as the Trainer's evaluation."""
        loss = self.dev_loss()
        self._stop_if_exploded(loss, self.state.global_step, "evaluation loss")
        metrics = {f"{metric_key_prefix}_loss": loss}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        step = self.state.global_step
        if best_step(self.state.log_history) == step and not self.control.should_save:
            self.best.take(step)
        return metrics

    def dev_loss(self) -> float:
        """Mean loss per target token over the dev rows, all processes together; the logarithm of
        the perplexity.
        """
        args, examples = self.args, self.dev
        order = sorted(range(len(examples)), key=lambda i: -len(examples[i].input_ids))
        share = args.per_device_train_batch_size * args.world_size
        rounds = -(-len(order) // share)
        model = self.model_wrapped
        model.eval()
        sums = torch.zeros(2, dtype=torch.float64, device=args.device)
        one = torch.ones((), device=args.device)
        with torch.no_grad():
            for inputs in self._loader(examples, [order], rounds):
                inputs = self._prepare_inputs(inputs)
                targets = (inputs["labels"] != IGNORE).sum()
                # their sum; 0 for an empty micro-batch
                loss = model(**inputs, num_items_in_batch=one).loss
                sums += torch.stack([loss.double(), targets.double()])
        sums = self.accelerator.reduce(sums)
        return (sums[0] / sums[1]).item()

    def _save_checkpoint(self, model, trial) -> None:
        """The best weights since the last checkpoint, then those of now: alone, but for every
        `save_every` steps, since a whole checkpoint is seven times as large.
        """
        engine: Any = self.deepspeed
        if engine and engine.zero_optimization_partition_weights():
            # evaluation leaves parameters gathered or prefetched: gathering them again would fail
            engine.empty_partition_cache()
        if self.best.step == best_step(self.state.log_history):
            folder = Path(str(self.args.output_dir)) / f"checkpoint-{self.best.step}"
            self.best.exchange()
            self.save_model(str(folder), _internal_call=True)
            self.best.exchange()
        self.best.drop()
        self.args.save_only_model = self.state.global_step % self.save_every != 0
        super()._save_checkpoint(model, trial)

    def floating_point_ops(self, inputs) -> int:
        return 0  # counting would visit all parameters at every micro-batch

    def _stop_if_exploded(self, loss: float, step: int, what: str) -> None:
        if math.isfinite(loss) and loss <= self.limit:
            return
        raise InputError(
            f"{what} is {loss:.4g} at step {step}: training stopped. The last good checkpoint is"
            f" kept in {self.args.output_dir}; a lower learning rate, a longer warm-up or a look at"
            " the rows may help"
        )

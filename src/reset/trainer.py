"""transformers.Trainer with this project's batches, a loss over targets alone, and checkpoints whole or absent."""

import math
import resource
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.utils import logging

from reset import batching, packing, records
from reset.checkpoints import Folder, best_step, step_of
from reset.encoding import IGNORE, Example
from reset.errors import InputError

if TYPE_CHECKING:
    from dvclive import Live

    from reset.training import Job, Shared

LOG_EVERY = 10  # optimizer steps between two rows of the learning curve
LOST = 3.0  # a loss above this many times that of uniform guessing, ln(vocabulary), counts as exploded (our assumption)


def arguments(job: "Job", micro: int, accumulation: int, folder: Path) -> TrainingArguments:
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
        use_liger_kernel=shared.liger,
        gradient_checkpointing=shared.gradient_checkpointing,
        deepspeed=shared.deepspeed,
        seed=job.seed,
        dataloader_pin_memory=on_gpu,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
    )
    _ = arguments.device  # joins the other processes
    if shared.deepspeed:
        import deepspeed

        deepspeed.init_distributed()  # DeepSpeed must know of them before it shards a model on loading
    return arguments


def load_model(folder: Path, shared: "Shared", seed: int) -> Any:
    """The causal model of a folder in fp32, with the parameters of `shared.frozen` frozen; or in `shared.precision`
    with random adapters, which peft keeps in fp32.
    """
    if shared.lora and shared.frozen:
        raise InputError("params.yaml: train.shared.frozen has no effect with lora, which freezes all; set it to []")
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
        raise InputError(f"{folder}: no use with train.shared.attention '{shared.attention}' ({reason})") from None
    if shared.lora:
        from peft import LoraConfig, get_peft_model

        lora = shared.lora
        model.enable_input_require_grads()  # gradient checkpointing needs a graph at the first, frozen layer
        adapters = LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return get_peft_model(model, adapters)
    freeze(model, shared.frozen)
    return model


def freeze(model: torch.nn.Module, patterns: list[str]) -> None:
    """Exclude parameters from training by parts of their names; InputError for a pattern that none contains."""
    names = [name for name, _ in model.named_parameters()]
    for pattern in patterns:
        if not any(pattern in name for name in names):
            raise InputError(
                f"params.yaml: train.shared.frozen '{pattern}' is in no parameter's name, such as {names[0]}"
            )
    for name, parameter in model.named_parameters():
        if any(pattern in name for pattern in patterns):
            parameter.requires_grad_(False)


def fit(
    model: Any,
    args: TrainingArguments,
    train: list[Example],
    dev: list[Example],
    steps: list[batching.Batch],
    job: "Job",
    folder: Folder,
    full: float | None,
) -> list[dict[str, float]]:
    """Run `steps` from the newest checkpoint of `folder`, leaving the best and the last there.

    `full` is the speed in tokens/s that would be the devices' peak, None where that is not known. Returns the log, one
    dict an entry, each with its `step`.
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
    tokens = [sum(len(train[i].input_ids) for i in step) for step in steps]
    trainer.add_callback(Watch(folder, tokens, job.shared.save_every, full, live))
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    return trainer.state.log_history


def forget_after(step: int, live: Path) -> None:
    """Drop what DVCLive's tables in the folder `live` hold of steps after `step`: a resumed run logs these again."""
    for path in live.glob("plots/metrics/*.tsv"):
        header, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
        records.write_text(path, header + "".join(row for row in rows if int(row.split("\t")[0]) <= step))


def merge(start: Path, adapters: Path, folder: Path) -> Path:
    """Add trained adapters to the start model's weights; returns `folder`, which then holds the sum in fp32."""
    from peft import PeftModel
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    unset_hf_deepspeed_config()  # else ZeRO-3 would shard this model too, and wait for processes that do not load it
    model = AutoModelForCausalLM.from_pretrained(start, dtype=torch.float32, local_files_only=True)
    PeftModel.from_pretrained(model, adapters).merge_and_unload().save_pretrained(folder)
    return folder


class CompletionTrainer(Trainer):
    """Trainer over given batches. The loss is the mean over the target tokens of the whole optimizer step."""

    def __init__(self, model, args, train, dev, steps, shared):
        collate = batching.packed if shared.packing else batching.padded
        super().__init__(model=model, args=args, data_collator=collate, train_dataset=train, eval_dataset=dev)
        self.examples, self.dev, self.steps = train, dev, steps
        self.save_every, self.precision = shared.save_every, shared.precision
        self.unproven = shared.packing and args.per_device_train_batch_size > 1 and len(train) > 1
        self.limit = LOST * math.log(model.config.get_text_config().vocab_size)
        self.step_loss = torch.zeros((), device=args.device)

    def get_train_dataloader(self) -> DataLoader:
        args = self.args
        plan = batching.micro_batches(
            self.steps,
            args.per_device_train_batch_size,
            args.gradient_accumulation_steps,
            args.world_size,
            args.process_index,
        )
        return self._loader(self.examples, plan)

    def _loader(self, examples: list[Example], plan: list[batching.Batch]) -> DataLoader:
        pin = self.args.dataloader_pin_memory
        return DataLoader(examples, batch_sampler=plan, collate_fn=self.data_collator, pin_memory=pin)  # type: ignore

    def training_step(self, model, inputs, num_items_in_batch=None) -> torch.Tensor:
        """Backward through one micro-batch; InputError before the first where packing lets rows see each other, and
        before the optimizer's step when the loss is lost.
        """
        if self.unproven:
            self._prove_packing()
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.step_loss += loss
        if self.accelerator.sync_gradients:
            mean = self.accelerator.reduce(self.step_loss, "mean").item()  # processes scale theirs by their number
            self.step_loss = torch.zeros_like(loss)
            self._stop_if_lost(mean, self.state.global_step + 1, "loss")
        return loss

    def _prove_packing(self) -> None:
        model = self.model_wrapped
        model.eval()
        shortest = sorted(self.examples, key=lambda example: len(example.input_ids))[:2]
        packing.check(lambda inputs: model(**self._prepare_inputs(inputs)).logits, shortest, self.precision)
        self.unproven = False

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix="eval") -> dict[str, float]:
        """The dev rows' loss as the Trainer's evaluation."""
        loss = self.dev_loss()
        self._stop_if_lost(loss, self.state.global_step, "evaluation loss")
        metrics = {f"{metric_key_prefix}_loss": loss}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def dev_loss(self) -> float:
        """Mean loss per target token over the dev rows, all processes together; the logarithm of the perplexity."""
        args, examples = self.args, self.dev
        order = sorted(range(len(examples)), key=lambda i: -len(examples[i].input_ids))
        share = args.per_device_train_batch_size * args.world_size
        rounds = -(-len(order) // share)
        plan = batching.micro_batches(
            [order], args.per_device_train_batch_size, rounds, args.world_size, args.process_index
        )
        model = self.model_wrapped
        model.eval()
        sums = torch.zeros(2, dtype=torch.float64, device=args.device)
        one = torch.ones((), device=args.device)
        with torch.no_grad():
            for inputs in self._loader(examples, plan):
                inputs = self._prepare_inputs(inputs)
                targets = (inputs["labels"] != IGNORE).sum()
                loss = model(**inputs, num_items_in_batch=one).loss  # their sum; 0 for an empty micro-batch
                sums += torch.stack([loss.double(), targets.double()])
        sums = self.accelerator.reduce(sums)
        return (sums[0] / sums[1]).item()

    def _save_checkpoint(self, model, trial) -> None:
        """Weights alone, but for every `save_every` steps: a whole checkpoint is seven times as large."""
        self.args.save_only_model = self.state.global_step % self.save_every != 0
        super()._save_checkpoint(model, trial)

    def floating_point_ops(self, inputs) -> int:
        return 0  # counting would walk all parameters at every micro-batch

    def _stop_if_lost(self, loss: float, step: int, what: str) -> None:
        if math.isfinite(loss) and loss <= self.limit:
            return
        raise InputError(
            f"{what} is {loss:.4g} at step {step}: training stopped. The last good checkpoint is kept in "
            f"{self.args.output_dir}; a lower learning rate, a longer warm-up or a look at the rows may help"
        )


class Watch(TrainerCallback):
    """Marks checkpoints as whole, says how far the run is, how fast, and for how long yet, and logs that to DVCLive.

    `tokens` are those of each step; `save_every` is that of `train.shared`, `full` that of `fit`. Only the process that
    leads has a `live`, where DVCLive is installed, and speaks.
    """

    def __init__(self, folder: Folder, tokens: list[int], save_every: int, full: float | None, live: "Live | None"):
        self.folder, self.tokens, self.save_every, self.full, self.live = folder, tokens, save_every, full, live
        self.bar = tqdm(total=len(tokens), unit="step", disable=not folder.leads, mininterval=1.0)
        self.first = self.logged = 0  # the steps that came before this process, and before the last line
        self.started = self.clock = 0.0

    def on_train_begin(self, args, state, control, **kwargs):
        self.first = self.logged = state.global_step
        self.started = self.clock = time.perf_counter()
        self.bar.update(self.first)
        self.bar.unpause()

    def on_step_end(self, args, state, control, **kwargs):
        self.bar.update()
        if control.should_evaluate or control.should_save:
            control.should_log = True  # the mean loss since the last row must not reach across a checkpoint

    def on_log(self, args, state, control, logs=None, **kwargs):
        if not self.live:
            return
        if "loss" in logs:
            self._tell(state.global_step, logs["loss"])
        elif "eval_loss" in logs:
            perplexity = math.exp(logs["eval_loss"])
            self.bar.write(f"step {state.global_step}: evaluation loss {logs['eval_loss']:.4f}, {perplexity=:.3f}")
            self._log(state.global_step, eval_loss=logs["eval_loss"], perplexity=perplexity)
        self.clock = time.perf_counter()

    def on_evaluate(self, args, state, control, **kwargs):
        best, step = best_step(state.log_history), state.global_step
        control.should_save = step in (best, state.max_steps) or step % self.save_every == 0

    def on_save(self, args, state, control, **kwargs):
        if args.world_size > 1:
            torch.distributed.barrier()
        self.folder.complete(state.global_step, state.log_history)
        self.clock = time.perf_counter()  # neither evaluation nor saving counts as time of training steps

    def on_train_end(self, args, state, control, **kwargs):
        self.bar.close()
        if self.live:
            self.live.make_summary()

    def _tell(self, step: int, loss: float) -> None:
        now = time.perf_counter()
        speed = sum(self.tokens[self.logged : step]) / (now - self.clock)
        left = (now - self.started) * sum(self.tokens[step:]) / sum(self.tokens[self.first : step])
        measured = {"loss": loss, "tokens_per_second": speed, "memory_gib": peak_memory() / 2**30}
        line = f"step {step} of {len(self.tokens)}: loss {loss:.4f}, {speed:,.0f} tokens/s"
        if self.full:
            measured["mfu"] = speed / self.full
            line += f", MFU {speed / self.full:.0%}"
        self.bar.write(f"{line}, {measured['memory_gib']:.1f} GiB, {left / 60:.1f} minutes left")
        self._log(step, **measured)
        self.logged = step

    def _log(self, step: int, **values: float) -> None:
        assert self.live
        self.live.step = step
        for name, value in values.items():
            self.live.log_metric(name, value)


def peak_memory() -> int:
    """Most bytes that this process has held so far: on its GPU where it has one, else in main memory."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

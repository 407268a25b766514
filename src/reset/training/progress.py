"""What a training run reports while it goes: progress, speed, memory and the state of its
checkpoints.
"""

import math
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from tqdm import tqdm
from transformers import TrainerCallback

from reset.core import io
from reset.training.checkpoints import Folder

if TYPE_CHECKING:
    from dvclive import Live


def forget_after(step: int, live: Path) -> None:
    """Drop what DVCLive's tables in the folder `live` hold of steps after `step`: a resumed run
    logs these again.
    """
    for path in live.glob("plots/metrics/*.tsv"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [row for row in lines[1:] if int(row.split("\t")[0]) <= step]
        io.write_text(path, "".join(lines[:1] + kept))


class Watch(TrainerCallback):
    """Marks checkpoints as whole, says how far the run is, how fast, and for how long yet, and logs
    that to DVCLive.

    `tokens` are those of each step; `save_every` is that of `train.shared`, `full` that of `fit`.
    Only the process that leads prints, and has a `live` where DVCLive is installed.
    """

    def __init__(
        self,
        folder: Folder,
        tokens: list[int],
        save_every: int,
        full: float | None,
        live: "Live | None",
    ):
        self.folder, self.tokens, self.save_every = folder, tokens, save_every
        self.full, self.live = full, live
        self.bar = tqdm(total=len(tokens), unit="step", disable=not folder.leads, mininterval=1.0)
        # the steps that came before this process, and before the last line
        self.first = self.logged = 0
        self.started = self.clock = 0.0

    def on_train_begin(self, args, state, control, **kwargs):
        self.first = self.logged = state.global_step
        self.started = self.clock = time.perf_counter()
        self.bar.update(self.first)
        self.bar.unpause()

    def on_step_end(self, args, state, control, **kwargs):
        self.bar.update()
        if control.should_evaluate or control.should_save:
            # the mean loss since the last row must not reach across a checkpoint
            control.should_log = True

    def on_log(self, args, state, control, logs=None, **kwargs):
        if not self.folder.leads:
            return
        if "loss" in logs:
            self._report(state.global_step, logs["loss"])
        elif "eval_loss" in logs:
            perplexity = math.exp(logs["eval_loss"])
            self.bar.write(
                f"step {state.global_step}: evaluation loss {logs['eval_loss']:.4f},"
                f" {perplexity=:.3f}"
            )
            self._log(state.global_step, eval_loss=logs["eval_loss"], perplexity=perplexity)
        self.clock = time.perf_counter()

    def on_evaluate(self, args, state, control, **kwargs):
        step = state.global_step
        control.should_save = step == state.max_steps or step % self.save_every == 0

    def on_save(self, args, state, control, **kwargs):
        if args.world_size > 1:
            torch.distributed.barrier()
        self.folder.complete(state.global_step, state.log_history)
        # neither evaluation nor saving counts as time of training steps
        self.clock = time.perf_counter()

    def on_train_end(self, args, state, control, **kwargs):
        self.bar.close()
        if self.live:
            self.live.make_summary()

    def _report(self, step: int, loss: float) -> None:
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
        if not self.live:
            return
        self.live.step = step
        for name, value in values.items():
            self.live.log_metric(name, value)


def peak_memory() -> int:
    """Most bytes that this process has held so far: on its GPU where it has one, else in main
    memory.
    """
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

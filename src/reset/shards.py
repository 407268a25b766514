"""Generations that survive a kill: finished batches are appended to shards, and the whole is rebuilt from them.

A folder of shards belongs to one hash of model, requests and settings. SIGKILL at any time loses the batch in flight;
the next run finds the rest, whatever the number of workers. Nothing in a folder is ever rewritten.
"""

import json
import multiprocessing
import multiprocessing.connection
import os
import tempfile
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tqdm import tqdm

from reset import engines
from reset.decoding import Request
from reset.engines import Batch, Settings
from reset.errors import InputError
from reset.records import Row, digest, file_digest

WORK = Path(".work/generations")
SOURCE = Path(__file__).parent
WRITERS = ("engines/*.py", "encoding.py")  # the code that turns a prompt into an answer
Shelf = dict[str, list[list[Any]]]  # id -> [text, tokens, finish] of each draw


def generate(model: Path, requests: list[Request], settings: Settings, max_new_tokens: int) -> list[Row]:
    """One row (id, sample, setting, text, tokens, finish) for each draw of each request, in the order given.

    Answers that an earlier, interrupted run has finished are taken from `.work/`; only the rest is computed. Raises
    InputError for a prompt too long for the model, and when a worker was lost (the others finish first).
    """
    folder = WORK / key(model, requests, settings, max_new_tokens)
    folder.mkdir(parents=True, exist_ok=True)
    done = finished(folder)
    if any(request.id not in done for request in requests):
        plan = engines.load(model, settings, max_new_tokens).plan(requests)
        rest = [[request for request in batch if request.id not in done] for batch in plan]
        compute(model, [batch for batch in rest if batch], settings, max_new_tokens, folder, len(done))
        done = finished(folder)
    return [
        {"id": request.id, "sample": draw.sample, "setting": draw.setting.row(), "text": text, "tokens": n, "finish": f}
        for request in requests
        for draw, (text, n, f) in zip(request.draws, done[request.id], strict=True)
    ]


def key(model: Path, requests: list[Request], settings: Settings, max_new_tokens: int) -> str:
    """What the answers depend on, the code that writes them included: answers of an older version are not taken for
    those of a mended one. `Settings.identity` says which settings count."""
    code = [file_digest(path) for pattern in WRITERS for path in sorted(SOURCE.glob(pattern))]
    draws = [[r.id, r.prompt, [[d.setting.temperature, d.setting.top_k, d.seed] for d in r.draws]] for r in requests]
    return digest(code, file_digest(model), sorted(draws), settings.identity, max_new_tokens)


def finished(folder: Path) -> Shelf:
    """The answers in all shards of a folder. A line that a kill has torn is left out, so its batch is done again."""
    shelf: Shelf = {}
    for shard in sorted(folder.glob("*.jsonl")):
        for line in shard.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                for id, answers in json.loads(line):
                    shelf.setdefault(id, answers)
    return shelf


def compute(
    model: Path, batches: list[Batch], settings: Settings, max_new_tokens: int, folder: Path, done: int
) -> None:
    """Answer all batches, in this process or in `settings.workers` of them; `done` is where the progress bar starts."""
    total = done + sum(map(len, batches))
    workers = min(settings.workers, len(batches))
    with tqdm(total=total, initial=done, unit="prompt", desc=f"{model.name}", smoothing=0) as bar:
        if workers <= 1:
            for count in work(model, batches, settings, max_new_tokens, folder):
                bar.update(count)
            return
        server = multiprocessing.get_context("forkserver")
        server.set_forkserver_preload([f"reset.engines.{settings.engine}_engine"])  # imported once for all workers
        counters = server.Array("l", workers, lock=False)  # one slot a worker: no lock that a dead worker could hold
        processes: list[BaseProcess] = []
        try:
            for rank in range(workers):
                task = (model, batches[rank::workers], settings, max_new_tokens, folder)
                processes.append(server.Process(target=worker, args=(rank, workers, counters, *task)))
                processes[-1].start()
            while alive := [process.sentinel for process in processes if process.is_alive()]:
                multiprocessing.connection.wait(alive, timeout=0.5)
                bar.update(done + sum(counters) - bar.n)
        finally:  # after an interrupt
            for process in processes:
                process.terminate()
    lost = [f"worker {rank} ended with {p.exitcode}" for rank, p in enumerate(processes) if p.exitcode != 0]
    if lost:
        left = total - len(finished(folder))
        raise InputError(f"{model}: {', '.join(lost)}; {left} of {total} prompts are left: run again to take them up")


def worker(rank: int, workers: int, counters: Any, *task: Any) -> None:
    """The body of one process: its own devices and threads, its own share of the batches, its own shard."""
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",") if visible else [str(i) for i in range(torch.cuda.device_count())]
    if devices:  # before CUDA starts in this process; with more workers than devices, several share one
        each = max(1, len(devices) // workers)
        start = rank * each % len(devices)
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(devices[start : start + each])
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
    parent = multiprocessing.parent_process()
    for count in work(*task):
        counters[rank] += count
        if parent is not None and not parent.is_alive():
            return  # the stage was killed: stop too, or the next run would compute beside this process


def work(model: Path, batches: list[Batch], settings: Settings, max_new_tokens: int, folder: Path) -> Iterator[int]:
    """Answer batches into a new shard; yields the number of requests each time that many are safe on disk."""
    engine = engines.load(model, settings, max_new_tokens)
    descriptor, _ = tempfile.mkstemp(suffix=".jsonl", dir=folder)
    with open(descriptor, "w", encoding="utf-8") as shard:
        for answered in engine.run(batches):
            line = [[request.id, answers] for request, answers in answered]
            shard.write(json.dumps(line, ensure_ascii=True) + "\n")
            shard.flush()
            os.fsync(shard.fileno())
            yield len(answered)

"""Generations that survive a kill: finished batches are appended to shards, and the whole is
rebuilt from them.

A folder of shards belongs to one hash of model, requests and settings. SIGKILL at any time loses
the batch in flight; the next run finds the rest, whatever the number of workers. Nothing in a
folder is ever rewritten.
"""

import json
import multiprocessing
import multiprocessing.connection
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tqdm import tqdm

from reset.core.errors import InputError
from reset.core.hashing import digest, file_digest
from reset.core.io import REFUSED, Row
from reset.generation import engines
from reset.generation.decoding import Request
from reset.generation.engines import Batch, EngineSettings

WORK = Path(".work/generations")
SOURCE = Path(__file__).parents[1]
# the code that turns a prompt into an answer
GENERATION_CODE = ("generation/engines/*.py", "tokens/encoding.py")
StoredAnswers = dict[str, list[list[Any]]]  # id -> [text, tokens, finish] of each draw


def generate(
    model: Path, requests: list[Request], settings: EngineSettings, max_new_tokens: int
) -> list[Row]:
    """One row (id, sample, setting, text, tokens, finish) for each draw of each request, in the
    order given.

    Answers that an earlier, interrupted run has finished are taken from `.work/`; only the rest is
    computed. Raises InputError for a prompt too long for the model, and when a worker refused or
    was lost (the others finish first).
    """
    folder = WORK / key(model, requests, settings, max_new_tokens)
    with refusals_explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    done = finished(folder)
    if any(request.id not in done for request in requests):
        engine = engines.load(model, settings, max_new_tokens)
        rest = []
        for batch in engine.plan(requests):
            if left := [request for request in batch if request.id not in done]:
                rest.append(left)
        task = (model, settings, max_new_tokens, folder, engine.longest)
        compute(rest, task, len(done))
        done = finished(folder)
    return [
        {
            "id": request.id,
            "sample": draw.sample,
            "setting": draw.setting.row(),
            "text": text,
            "tokens": n,
            "finish": f,
        }
        for request in requests
        for draw, (text, n, f) in zip(request.draws, done[request.id], strict=True)
    ]


def key(model: Path, requests: list[Request], settings: EngineSettings, max_new_tokens: int) -> str:
    """What the answers depend on, the code that writes them included: answers of an older version
    are not taken for those of a fixed one. `Settings.identity` says which settings count.
    """
    code = [
        file_digest(path) for pattern in GENERATION_CODE for path in sorted(SOURCE.glob(pattern))
    ]
    draws = []
    for request in requests:
        drawn = [[d.setting.temperature, d.setting.top_k, d.seed] for d in request.draws]
        draws.append([request.id, request.prompt, drawn])
    return digest(code, file_digest(model), sorted(draws), settings.identity, max_new_tokens)


def finished(folder: Path) -> StoredAnswers:
    """The answers in all shards of a folder. A line that a kill has torn is left out, so its batch
    is done again.
    """
    found: StoredAnswers = {}
    for shard in sorted(folder.glob("*.jsonl")):
        for line in shard.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                for id, answers in json.loads(line):
                    found.setdefault(id, answers)
    return found


# What a process needs beside its batches: model, settings, max_new_tokens, folder of shards, and
# tokens of the longest prompt of the whole run
Task = tuple[Path, EngineSettings, int, Path, int]


def compute(batches: list[Batch], task: Task, done: int) -> None:
    """Answer all batches, in this process or in `settings.workers` of them; `done` is where the
    progress bar starts.
    """
    model, settings, _, folder, _ = task
    total = done + sum(map(len, batches))
    workers = min(settings.workers, len(batches))
    with tqdm(total=total, initial=done, unit="prompt", desc=f"{model.name}", smoothing=0) as bar:
        if workers <= 1:
            for count in work(batches, *task):
                bar.update(count)
            return
        server = multiprocessing.get_context("forkserver")
        # imported once for all workers
        server.set_forkserver_preload([f"reset.generation.engines.{settings.engine}_engine"])
        # one slot a worker: no lock that a dead worker could hold
        counters = server.Array("l", workers, lock=False)
        # likewise: no queue that all write to
        refusals = [server.Pipe(duplex=False) for _ in range(workers)]
        processes: list[BaseProcess] = []
        try:
            for rank in range(workers):
                arguments = (rank, workers, counters, refusals[rank][1], batches[rank::workers])
                process: BaseProcess = server.Process(target=worker, args=(*arguments, *task))
                process.start()
                processes.append(process)
            while alive := [process.sentinel for process in processes if process.is_alive()]:
                multiprocessing.connection.wait(alive, timeout=0.5)
                bar.update(done + sum(counters) - bar.n)
        finally:  # after an interrupt
            for process in processes:
                process.terminate()
    refused = {rank: reader.recv() for rank, (reader, _) in enumerate(refusals) if reader.poll()}
    lost = {
        rank: p.exitcode
        for rank, p in enumerate(processes)
        if p.exitcode != 0 and rank not in refused
    }
    problems = list(dict.fromkeys(refused.values()))  # what all of them refuse is said once
    if lost:
        ends = ", ".join(f"worker {rank} ended with {code}" for rank, code in lost.items())
        left = total - len(finished(folder))
        problems.append(
            f"{model}: {ends}; {left} of {total} prompts are left: run again to take them up"
        )
    if problems:
        raise InputError("; ".join(problems))


def worker(rank: int, workers: int, counters: Any, refusal: Any, *task: Any) -> None:
    """The body of one process: its own devices and threads, its own share of the batches, its own
    shard. The text of an InputError goes to the connection `refusal`, and the process ends with 1.
    """
    threading.Thread(target=end_with_parent, daemon=True).start()
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",") if visible else [str(i) for i in range(torch.cuda.device_count())]
    if devices:  # before CUDA starts in this process
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(share(devices, rank, workers))
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
    try:
        for count in work(*task):
            counters[rank] += count
    except InputError as error:
        refusal.send(str(error))
        sys.exit(1)


def end_with_parent() -> None:
    """Wait for the end of the stage that started this process, and end it too, whatever it is
    about: else it would keep its device, and the next run would compute beside it.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is the child of a stage"
    parent.join()
    os._exit(1)


def share(devices: list[str], rank: int, workers: int) -> list[str]:
    """The devices (one or more) of worker `rank` (0-based): equally many for each worker, and no
    other's unless there are more workers than devices.
    """
    each = max(1, len(devices) // workers)
    start = rank * each % len(devices)
    return devices[start : start + each]


def work(
    batches: list[Batch],
    model: Path,
    settings: EngineSettings,
    max_new_tokens: int,
    folder: Path,
    longest: int,
) -> Iterator[int]:
    """Answer batches into a new shard; yields the number of requests each time that many are safe
    on disk.
    """
    engine = engines.load(model, settings, max_new_tokens)
    engine.longest = longest
    with refusals_explained(folder):
        descriptor, _ = tempfile.mkstemp(suffix=".jsonl", dir=folder)
        with open(descriptor, "w", encoding="utf-8") as shard:
            for answered in engine.run(batches):
                line = [[request.id, answers] for request, answers in answered]
                shard.write(json.dumps(line, ensure_ascii=True) + "\n")
                shard.flush()
                os.fsync(shard.fileno())
                yield len(answered)


@contextmanager
def refusals_explained(folder: Path) -> Iterator[None]:
    """Turn a refusal to write, as on a full disk, into an InputError that says what is kept in
    `folder`; other errors of the system stay what they are.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        kept = len(finished(folder))
        raise InputError(
            f"{error.filename or folder}: cannot be written ({error.strerror}); answers to {kept}"
            f" prompts are kept in {folder}: make room and run again to take up the rest"
        ) from None

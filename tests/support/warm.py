"""Python scripts in processes of their own that have torch, transformers, peft and DeepSpeed
imported from the start: forks of one process, in place of seconds of imports in each.
"""

import multiprocessing
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing import forkserver
from pathlib import Path

IMPORTED = [
    "deepspeed.runtime.engine",
    "dvclive",
    "peft",
    "reset.training.run",
    "reset.training.trainer",
]
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(IMPORTED)


def run(
    words: Sequence[str],
    environment: dict[str, str],
    processes: int | None = None,
) -> subprocess.CompletedProcess:
    """What `python WORDS` does in the working directory; with a number of `processes`, in so many
    that find each other as those of torchrun do.

    The first that fails ends the others, and its return code is that of all. What they print is the
    `stderr` of the result.
    """
    environments = [environment]
    if processes:
        environments = [environment | ranks for ranks in _ranks(processes)]
    with tempfile.TemporaryDirectory() as printed:
        logs = [Path(printed, f"{rank}.log") for rank in range(len(environments))]
        started = []
        for log, ranked in zip(logs, environments, strict=True):
            how = (words, ranked, Path.cwd(), log)
            process = PROCESSES.Process(target=_script, args=how, daemon=True)
            process.start()
            started.append(process)
        code = _wait(started)
        said = "".join(log.read_text() for log in logs if log.exists())
    return subprocess.CompletedProcess(words, code, stderr=said)


def stop() -> None:
    """End the process that all others are forks of, so that its time counts among this one's."""
    forkserver._forkserver._stop()


def _ranks(processes: int) -> list[dict[str, str]]:
    """What torchrun tells each of its processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    size = str(processes)
    shared = {"WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1"}
    ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]
    return [{**shared, "MASTER_PORT": str(port), **own} for own in ranks]


def _script(words: Sequence[str], environment: dict[str, str], folder: Path, log: Path) -> None:
    """Run a script as `python` would, with all that it prints in `log`."""
    import torch

    with open(log, "wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    torch.set_num_threads(int(environment.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    sys.path[:0] = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.argv = list(words)
    runpy.run_path(words[0], run_name="__main__")


def _wait(started: list) -> int:
    while True:
        codes = [process.exitcode for process in started]
        failed = [code for code in codes if code]
        if failed or None not in codes:
            break
        time.sleep(0.05)
    for process in started:
        process.kill()
        process.join()
    return failed[0] if failed else 0

"""Python scripts in processes of their own that have torch, transformers, peft and DeepSpeed
imported from the start: forks of one process, in place of seconds of imports in each.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
STAGES = "calibrate judge_faithfulness models predict sample train".split()  # they import torch
PYTHON = """#!/bin/sh
# The Python of the tests, but for the stages that import torch: the first process of each is like
# a user's, and the later ones are forks.
case "$1" in
{stages}) mkdir "{folder}/seen/${{1##*/}}" 2>/dev/null || exec "{folder}/fork" "$@" ;;
esac
exec "{python}" "$@"
"""
FORK = """#!/bin/sh
exec "{python}" -IS "{client}" "{folder}/socket" "$@"
"""


@dataclass(frozen=True)
class Forks:
    """The process that all are forks of; `folder` holds the commands `python` and `fork`."""

    process: subprocess.Popen
    folder: Path


_running: list[Forks] = []


def start() -> Path:
    """The folder with the two commands, whose process runs from now on."""
    if not _running:
        _running.append(_started(Path(tempfile.mkdtemp())))
    return _running[0].folder


def places() -> list[str]:
    """What to put before PATH."""
    return [str(forks.folder) for forks in _running]


def stop() -> None:
    """End the process that all others are forks of, so that its time counts among this one's."""
    while _running:
        forks = _running.pop()
        forks.process.communicate()
        shutil.rmtree(forks.folder)


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
    command = [str(start() / "fork"), *words]
    with tempfile.TemporaryFile("w+") as log:
        how = {"stdout": log, "stderr": log}
        code = _wait([subprocess.Popen(command, env=ranked, **how) for ranked in environments])
        log.seek(0)
        return subprocess.CompletedProcess(words, code, stderr=log.read())


def _started(folder: Path) -> Forks:
    (folder / "seen").mkdir()
    names = {"python": sys.executable, "folder": folder, "client": HERE / "warm_client.py"}
    names["stages"] = "|".join(f"stages/{stage}.py" for stage in STAGES)
    for name, text in (("python", PYTHON), ("fork", FORK)):
        (folder / name).write_text(text.format(**names))
        (folder / name).chmod(0o755)
    with socket.socket(socket.AF_UNIX) as asked:
        asked.bind(str(folder / "socket"))
        asked.listen(64)
        command = [sys.executable, "-E", str(HERE / "warm_server.py"), str(asked.fileno())]
        how = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "start_new_session": True}
        return Forks(subprocess.Popen(command, pass_fds=[asked.fileno()], **how), folder)


def _ranks(processes: int) -> list[dict[str, str]]:
    """What torchrun tells each of its processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    size = str(processes)
    shared = {"WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1"}
    ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]
    return [{**shared, "MASTER_PORT": str(port), **own} for own in ranks]


def _wait(started: list[subprocess.Popen]) -> int:
    while True:
        codes = [process.poll() for process in started]
        failed = [code for code in codes if code]
        if failed or None not in codes:
            break
        time.sleep(0.05)
    for process in started:
        process.kill()
        process.wait()
    return failed[0] if failed else 0

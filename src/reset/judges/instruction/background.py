"""Judge calls in a process of their own, so that those under way are stored even if the stage is
killed.

A call that was sent is paid for. If the stage itself waited for the reply, kill -9 would lose it,
and the next run would pay again. So the stage hands its prompts to a background client in another
session, through a pipe that stays open. When the pipe breaks, because the stage was interrupted or
killed, the client sends nothing new, waits for the replies under way (at most `timeout` seconds
each) and stores them. A stage that is started again meanwhile finds these calls claimed in the
store and waits for them too. Only if the client itself, or the machine, is killed are calls lost:
those under way, `concurrency` at most, which stay booked in the store.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from reset.core.errors import InputError, redacted_traceback
from reset.judges.instruction.reply_store import Store
from reset.judges.instruction.settings import OpenAISettings

if TYPE_CHECKING:
    from reset.judges.instruction.batch_api import Batches
    from reset.judges.instruction.client import JudgeClient


def run_in_background(
    prompts: Sequence[str], settings: OpenAISettings, store: str, stage: str, allowed: int
) -> dict[str, str]:
    """Fill the store with the replies that the prompts lack; returns the reason for each prompt
    that a call failed for.

    `allowed`: how many prompts may end without a rating before all is stopped. InputError when it
    stopped early, after a refused key, a used-up budget or Ctrl-C; what arrived is in the store.
    """
    task = {
        "settings": asdict(settings),
        "store": store,
        "stage": stage,
        "allowed": allowed,
        "prompts": prompts,
    }
    source = str(Path(__file__).parents[3])
    child = subprocess.Popen(
        [sys.executable, "-m", "reset.judges.instruction.background"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": source},
        text=True,
    )
    assert child.stdin and child.stdout
    try:
        child.stdin.write(json.dumps(task) + "\n")
        child.stdin.flush()
        result = child.stdout.read()
    except KeyboardInterrupt:
        print(
            f"{stage}: waiting for the calls under way (Ctrl-C again to give them up)",
            file=sys.stderr,
        )
        child.stdin.close()
        try:
            result = child.stdout.read()
        except KeyboardInterrupt:
            child.kill()
            raise InputError(
                f"{stage}: interrupted; calls under way were given up and may be paid again"
            ) from None
    except BrokenPipeError:
        result = child.stdout.read()
    child.wait()
    if not result:
        raise InputError(
            f"{stage}: the process that makes the judge calls died (exit {child.returncode})"
        )
    outcome = json.loads(result)
    if outcome["error"]:
        raise InputError(outcome["error"])
    return {prompts[index]: reason for index, reason in outcome["failures"]}


def main() -> None:
    """The background client's side: one JSON line in, then calls until done or until the pipe
    breaks, one JSON line out.
    """
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        return
    task = json.loads(line)
    settings = OpenAISettings(**task["settings"])
    outcome: dict[str, object] = {"error": None, "failures": []}
    try:
        with Store(task["store"]) as store:
            failures = asyncio.run(
                _ask(task["prompts"], settings, store, task["stage"], task["allowed"])
            )
        numbers = {prompt: number for number, prompt in enumerate(task["prompts"])}
        outcome["failures"] = [(numbers[prompt], reason) for prompt, reason in failures.items()]
    except InputError as error:
        outcome["error"] = str(error)
    try:
        print(json.dumps(outcome), flush=True)
    except BrokenPipeError:
        os._exit(1)  # nobody is left to read it


async def _ask(
    prompts: Sequence[str], settings: OpenAISettings, store: Store, stage: str, allowed: int
) -> dict[str, str]:
    from reset.judges.instruction.batch_api import Batches
    from reset.judges.instruction.client import JudgeClient, client

    if not settings.batch_api and store.open_batches(stage):
        raise InputError(
            f"{stage}: a batch is under way; set judges.instruction.openai.batch_api to collect it"
            " first"
        )
    async with client(settings) as connection:
        kind = Batches if settings.batch_api else JudgeClient
        caller = kind(settings, store, stage, allowed, connection)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, caller.stop, "stopped")
        loop.add_reader(sys.stdin.fileno(), _on_pipe, loop, caller)
        return await caller.run(prompts)


def _on_pipe(loop: asyncio.AbstractEventLoop, caller: "JudgeClient | Batches") -> None:
    """Nothing is ever sent after the task, so a readable pipe is a closed one."""
    loop.remove_reader(sys.stdin.fileno())
    caller.stop("interrupted")


if __name__ == "__main__":
    with redacted_traceback():
        main()

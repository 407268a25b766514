"""The LLM judge against a slow endpoint: how close its calls for 10,000 answers come to what
latency and concurrency allow.

As in the stage, they go through a pipe to the background client, a process of its own, whose start
counts too. A server on loopback, in another process, answers every call after 200 ms, and 5 % of
the prompts at first without a rating, so that they are asked again; 64 calls are under way at once.
The ideal time is calls × latency ÷ concurrency. Memory is the client's. Run: `python
benchmarks/judges_llm.py [--quick]`.
"""

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from reset.judges.instruction import background, llm  # noqa: E402
from reset.judges.instruction.reply_store import Store  # noqa: E402
from reset.judges.instruction.settings import PROMPT, OpenAISettings  # noqa: E402
from tests.support.fault_server import ENDPOINT  # noqa: E402

LATENCY, CONCURRENCY = 0.2, 64
GOAL = 1.15
ANSWER_WORDS = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 answers instead of 10,000")
    answers = 2_000 if parser.parse_args().quick else 10_000
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.fault_server", "--latency", str(LATENCY)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout
        url = server.stdout.readline().strip()
        with tempfile.TemporaryDirectory() as folder:
            settings = {
                "base_url": url,
                "concurrency": CONCURRENCY,
                "timeout": 30.0,
                "budget_usd": 100.0,
            }
            measure(f"{folder}/judge.sqlite", replace(ENDPOINT, **settings), answers)
    finally:
        server.terminate()


def measure(place: str, settings: OpenAISettings, answers: int) -> None:
    """Carry the calls once; memory that grows with them shows as a difference between both halves
    of the time.
    """
    template = (ROOT / PROMPT).read_text(encoding="utf-8")
    prompts = [llm.render(template, f"task {n}", "word " * ANSWER_WORDS) for n in range(answers)]
    carry([f"warm-up {n}" for n in range(CONCURRENCY)], settings, place)
    before, cpu = calls(place), cpu_of_children()
    watch = Watch()
    start = time.perf_counter()
    carry(prompts, settings, place)
    seconds = time.perf_counter() - start
    peaks, cpu, made = watch.halves(), cpu_of_children() - cpu, calls(place) - before
    with Store(place) as store:
        assert all(
            llm.verdict(prompt, settings, store, None)["score"] == 0.7 for prompt in prompts
        ), "all are rated"
    again = made - answers
    assert 0.03 < again / answers < 0.07, "every garbage rating is asked again once"
    ideal = made * LATENCY / CONCURRENCY
    print(
        f"answers {answers}, calls {made} ({again} after garbage), latency {LATENCY} s, concurrency"
        f" {CONCURRENCY}"
    )
    print(f"{'ideal':>24} {ideal:8.2f} s")
    print(
        f"{'measured':>24} {seconds:8.2f} s = {seconds / ideal:.3f} × ideal (goal: at most {GOAL})"
    )
    print(
        f"{'of it our own work':>24} {cpu:8.2f} s = {1000 * cpu / made:.2f} ms a call, the"
        " client's start included"
    )
    print(f"{'peak memory, 1st half':>24} {peaks[0]:8.1f} MiB")
    print(f"{'peak memory, 2nd half':>24} {peaks[1]:8.1f} MiB")
    result = {
        "name": "llm_judge_wall_time",
        "ratio": round(ideal / seconds, 4),
        "goal": round(1 / GOAL, 4),
    }
    memory = {"name": "llm_judge_memory_flat", "ratio": round(peaks[0] / peaks[1], 4), "goal": 0.95}
    result |= {"ours": round(seconds, 2), "theirs": round(ideal, 2), "unit": "s"}
    memory |= {"ours": round(peaks[1], 1), "theirs": round(peaks[0], 1), "unit": "MiB"}
    print(json.dumps([result, memory]))


def carry(prompts: list[str], settings: OpenAISettings, place: str) -> None:
    failures = background.run_in_background(prompts, settings, place, "benchmark", 0)
    assert not failures, failures


def calls(place: str) -> int:
    """Replies in the store; no call may be lost."""
    with Store(place) as store:
        usage = store.usage()
    assert usage["lost_calls"] == 0
    return int(usage["calls"])


def cpu_of_children() -> float:
    """Seconds that the processes which ended so far have computed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Watch:
    """The memory of the next child process, looked at four times a second until it ends."""

    def __init__(self) -> None:
        self.others = {child.pid for child in psutil.Process().children()}
        self.seen: list[float] = []  # MiB
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def halves(self) -> tuple[float, float]:
        """The peaks in both halves of the child's time."""
        self.thread.join()
        middle = len(self.seen) // 2
        return max(self.seen[:middle]), max(self.seen[middle:])

    def _look(self) -> None:
        child = None
        while child is None:
            child = next((c for c in psutil.Process().children() if c.pid not in self.others), None)
            time.sleep(0.01)
        with contextlib.suppress(psutil.NoSuchProcess):
            while child.status() != psutil.STATUS_ZOMBIE:
                self.seen.append(child.memory_info().rss / 2**20)
                time.sleep(0.25)


if __name__ == "__main__":
    main()

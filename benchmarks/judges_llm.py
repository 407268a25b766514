"""The LLM judge against a slow endpoint: how close 10,000 calls come to what latency and concurrency allow.

A server on loopback, in a process of its own, answers every call after 200 ms; 64 calls are under way at once. The
ideal time is calls × latency ÷ concurrency. Run: `python benchmarks/judges_llm.py [--quick]`.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from reset.judges import asking, llm  # noqa: E402
from reset.judges.store import Store  # noqa: E402
from tests.fault_server import ENDPOINT  # noqa: E402

LATENCY, CONCURRENCY = 0.2, 64
GOAL = 1.15
ANSWER_WORDS = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 calls instead of 10,000")
    calls = 2_000 if parser.parse_args().quick else 10_000
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.fault_server", "--latency", str(LATENCY)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout
        url = server.stdout.readline().strip()
        with tempfile.TemporaryDirectory() as folder, Store(f"{folder}/judge.sqlite") as store:
            settings = {"base_url": url, "concurrency": CONCURRENCY, "timeout": 30.0, "budget_usd": 100.0}
            measure(store, replace(ENDPOINT, parse_retries=0, **settings), calls)
    finally:
        server.terminate()


def measure(store: Store, settings: llm.OpenAI, calls: int) -> None:
    """Time the calls in two halves, so that growing memory shows as a difference between their peaks."""
    template = (ROOT / llm.PROMPT).read_text(encoding="utf-8")
    prompts = [llm.render(template, f"task {n}", "word " * ANSWER_WORDS) for n in range(calls)]
    warm = [f"warm-up {n}" for n in range(CONCURRENCY)]
    ask(warm, settings, store)
    peaks, seconds, cpu = [], 0.0, time.process_time()
    for part in (prompts[: calls // 2], prompts[calls // 2 :]):
        start = time.perf_counter()
        ask(part, settings, store)
        seconds += time.perf_counter() - start
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    cpu = time.process_time() - cpu
    assert store.usage()["calls"] == calls + len(warm), "every call is stored"
    ideal = calls * LATENCY / CONCURRENCY
    print(f"calls {calls}, latency {LATENCY} s, concurrency {CONCURRENCY}")
    print(f"{'ideal':>24} {ideal:8.2f} s")
    print(f"{'measured':>24} {seconds:8.2f} s = {seconds / ideal:.3f} × ideal (goal: at most {GOAL})")
    print(f"{'of it our own work':>24} {cpu:8.2f} s = {1000 * cpu / calls:.2f} ms a call")
    print(f"{'peak memory, 1st half':>24} {peaks[0]:8.1f} MiB")
    print(f"{'peak memory, 2nd half':>24} {peaks[1]:8.1f} MiB")
    result = {"name": "llm_judge_wall_time", "ratio": round(ideal / seconds, 4), "goal": round(1 / GOAL, 4)}
    memory = {"name": "llm_judge_memory_flat", "ratio": round(peaks[0] / peaks[1], 4), "goal": 0.95}
    result |= {"ours": round(seconds, 2), "theirs": round(ideal, 2), "unit": "s"}
    memory |= {"ours": round(peaks[1], 1), "theirs": round(peaks[0], 1), "unit": "MiB"}
    print(json.dumps([result, memory]))


def ask(prompts: list[str], settings: llm.OpenAI, store: Store) -> None:
    async def run() -> None:
        async with asking.client(settings) as client:
            failures = await asking.Asker(settings, store, "benchmark", 0, client).run(prompts)
            assert not failures, failures

    asyncio.run(run())


if __name__ == "__main__":
    main()

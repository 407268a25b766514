"""Fourteen answers a prompt: our engines against the ways one would write first, in one run, in one thread.

Sides: `model.generate` once a prompt and setting (the obvious loop); once a setting over a batch of prompts; the
transformers engine; and, where vLLM is installed, its own `LLM.generate` and our engine over it, on the same requests.
Cases: (a) prompts of 1,000 tokens and 20 new ones; (b) 50 and 80. bf16; a Llama of SmolLM2-135M's shape with random
weights unless `--model` names a folder. Seconds are processor time of one thread; wall time where processes or a GPU
take part (so a busy machine can only hurt ours against the loop). On a GPU also Llama shapes of 1B and 7B, beside the
memory-bandwidth floor.

Run: PYTHONPATH=src:. python benchmarks/sampling.py [--quick] [--model FOLDER] [--rounds N]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import random_llama
from reset import shards
from reset.decoding import Draw, Grid, Request, Setting
from reset.engines import Settings, load

GRID = Grid([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], [5, 10, 20, 50, 70, 90, 100], 1.0)
SETTINGS = [*map(Setting, GRID.temperatures), *(Setting(1.0, k) for k in GRID.top_k)]
HOW = Settings(engine="transformers", precision="bf16", batch_tokens=60_000, workers=1, vllm=None, openai=None)
VLLM = {"tensor_parallel": 1, "memory": 0.9, "request_seeds": False, "enforce_eager": True}
BATCH = 4  # prompts of one batch; the obvious loop takes one prompt, its seconds a prompt being constant


class Case(NamedTuple):
    name: str
    prompt: int
    new: int
    goals: tuple[float, float]  # against the loop, against one call a setting
    vllm_goal: float  # against the loop


CASES = [Case("a: 1000 + 20", 1000, 20, (4.0, 3.0), 9.0), Case("b: 50 + 80", 50, 80, (7.0, 2.2), 20.0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="6 of the 30 layers, one round: under 5 minutes on 2 cores"
    )
    parser.add_argument("--model", type=Path, help="a model folder in place of random weights")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    rounds = 1 if given.quick else given.rounds
    with tempfile.TemporaryDirectory() as folder:
        layers = 6 if given.quick else None
        model = given.model or random_llama.build(Path(folder) / "llama", random_llama.SMOLLM_135M, layers)
        results: list[dict[str, Any]] = []
        loops = {}
        print(f"seconds a prompt (medians of {rounds}), 14 settings, {layers or 'all'} layers, bf16, one thread")
        for case in CASES:
            took = compare(model, case, rounds)
            loops[case.name] = took["loop"]
            table(case, took)
            loop, single, ours = took["loop"], took["per setting"], took["ours"]
            results.append(entry(f"transformers engine against the loop, {case.name}", loop, ours, case.goals[0]))
            results.append(entry(f"against one call a setting, {case.name}", single, ours, case.goals[1]))
        growth(model, Path(folder))
        if importlib.util.find_spec("vllm"):
            results += over_vllm(model, loops, rounds)
        else:
            print("vllm is not installed: its sides are left out")
        if torch.cuda.is_available():
            for name, shape in (("1B", random_llama.LLAMA_1B), ("7B", random_llama.LLAMA_7B)):
                on_gpu(name, random_llama.build(Path(folder) / name, shape))
    print(json.dumps(results))


def requests(case: Case, count: int, settings: list[Setting]) -> list[Request]:
    """Prompts of exactly `case.prompt` words that share no beginning."""
    return [
        Request(
            f"{case.name}/{n}",
            " ".join(f"w{(n * 7919 + i * 31) % 40_000}" for i in range(case.prompt)),
            tuple(Draw(i, setting, n * 2**48 + i * 2**32) for i, setting in enumerate(settings)),
        )
        for n in range(count)
    ]


def compare(model: Path, case: Case, rounds: int) -> dict[str, float]:
    """Median seconds a prompt of each side, the sides taking turns."""
    import torch

    made: Any = load(model, HOW, case.new)
    made.prompts.stops = [-1]  # all sides write all tokens
    made.model.generation_config.eos_token_id = None
    asked = requests(case, BATCH, SETTINGS)
    made.prompts.encode(asked)
    ids = torch.tensor([made.prompts.ids[r.id][: case.prompt] for r in asked])

    def generate(part: torch.Tensor) -> None:
        for setting in SETTINGS:
            how = {"do_sample": True, "temperature": setting.temperature, "top_k": setting.top_k or 0}
            made.model.generate(
                part, attention_mask=torch.ones_like(part), max_new_tokens=case.new, pad_token_id=0, top_p=1.0, **how
            )

    sides: dict[str, tuple[int, Callable[[], Any]]] = {
        "loop": (1, lambda: generate(ids[:1])),
        "per setting": (BATCH, lambda: generate(ids)),
        "ours": (BATCH, lambda: list(made.run(made.plan(asked)))),
    }
    made.model.generate(ids[:1, :8], attention_mask=torch.ones_like(ids[:1, :8]), max_new_tokens=2, pad_token_id=0)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, (prompts, run) in sides.items():
            seconds[name].append(clock(run) / prompts)
    return {name: statistics.median(values) for name, values in seconds.items()}


def growth(model: Path, folder: Path) -> None:
    """Tokens a second as settings and processes are added (a process's start is counted)."""

    case = CASES[1]
    made: Any = load(model, HOW, case.new)
    made.prompts.stops = [-1]
    list(made.run([requests(case, 1, SETTINGS[:1])]))  # loaded before the clock starts
    for count in (7, 14, 28):
        plan = made.plan(requests(case, BATCH, (SETTINGS * 2)[:count]))
        took = clock(lambda plan=plan: list(made.run(plan)))
        print(f"{count:>3} settings: {BATCH * count * case.new / took:.0f} tokens/s")
    for workers in (1, 2):
        shards.WORK = folder / f"work{workers}"
        how = Settings(**vars(HOW) | {"workers": workers, "batch_tokens": 8000})
        started = time.perf_counter()
        rows = shards.generate(model, requests(case, 2 * BATCH, SETTINGS), how, case.new)
        took = time.perf_counter() - started
        print(f"{workers:>3} processes: {sum(row['tokens'] for row in rows) / took:.0f} tokens/s, start included")


def over_vllm(model: Path, loops: dict[str, float], rounds: int) -> list[dict[str, Any]]:
    """Our engine over vLLM against `LLM.generate` on the same requests, the prefix cache emptied before each."""
    import torch

    results = []
    how = Settings(**vars(HOW) | {"engine": "vllm", "vllm": VLLM | {"request_seeds": torch.cuda.is_available()}})
    made: Any = load(model, how, 0)
    for case in CASES:
        made.prompts.max_new_tokens = case.new
        asked = requests(case, 2 * BATCH, SETTINGS)
        plan = made.plan(asked)
        prompts = [{"prompt_token_ids": made.prompts.ids[r.id]} for r in asked for _ in r.draws]
        sampling = [made._sampling(draw, case.new) for r in asked for draw in r.draws]
        sides: dict[str, Callable[[], Any]] = {
            "raw": lambda p=prompts, s=sampling: made.llm.generate(p, s, use_tqdm=False),
            "ours": lambda p=plan: list(made.run(p)),
        }
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds + 1):  # the first round warms up
            for name, run in sides.items():
                made.llm.reset_prefix_cache()
                seconds[name].append(clock(run, time.perf_counter) / len(asked))
        raw, ours = (statistics.median(values[1:]) for values in seconds.values())
        loop = loops[case.name]
        print(f"vllm, {case.name}: LLM.generate {raw:.2f} s a prompt, our engine {ours:.2f}, the loop {loop:.1f}")
        results.append(entry(f"vllm engine against LLM.generate, {case.name}", raw, ours, 0.95))
        results.append(entry(f"vllm engine against the loop, {case.name}", loop, ours, case.vllm_goal))
    return results


def on_gpu(name: str, model: Path) -> None:
    """Tokens a second of the transformers engine beside what reading the weights once a step allows."""
    import torch

    case, count = CASES[1], 32
    made: Any = load(model, Settings(**vars(HOW) | {"batch_tokens": 10**6}), case.new)
    asked = requests(case, count, SETTINGS)
    weights = sum(p.numel() * p.element_size() for p in made.model.parameters())
    made.prompts.stops = [-1]
    list(made.run([asked[:1]]))
    block = torch.empty(2**30, dtype=torch.uint8, device="cuda")
    copied = clock(lambda: [block.clone() for _ in range(20)] and torch.cuda.synchronize(), time.perf_counter)
    bandwidth = 20 * 2 * 2**30 / copied
    took = clock(lambda: list(made.run(made.plan(asked))), time.perf_counter)
    tokens = count * len(SETTINGS) * case.new
    floor = case.new * weights / bandwidth
    print(f"{name}: {tokens / took:,.0f} tokens/s; floor of reading the weights {floor:.2f} s, took {took:.2f} s")


def clock(run: Callable[[], Any], now: Callable[[], float] = time.process_time) -> float:
    started = now()
    run()
    return now() - started


def table(case: Case, took: dict[str, float]) -> None:
    print(f"{case.name}: " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in took.items()))


def entry(name: str, theirs: float, ours: float, goal: float) -> dict[str, Any]:
    return {
        "name": name, "ratio": round(theirs / ours, 2), "goal": goal,
        "ours": round(ours, 3), "theirs": round(theirs, 3), "unit": "s/prompt",
    }  # fmt: skip


if __name__ == "__main__":
    main()

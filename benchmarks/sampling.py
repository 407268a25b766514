"""Fourteen answers a prompt: our engines against the ways one would write first, in one run, in one
thread.

Sides: `model.generate` once a prompt and setting (the obvious loop); once a setting over a batch of
prompts; the transformers engine; and, where vLLM is installed, its own `LLM.generate` and our
engine over it, on the same requests. Cases: (a) prompts of 1,000 tokens and 20 new ones; (b) 50 and
80; every side writes all of them, EOS or not. bf16; a Llama of SmolLM2-135M's shape with random
weights unless `--model` names a folder. The sides take turns, each in one thread of this process,
vLLM too. Seconds are processor time, so a busy machine changes little; wall time on a GPU, and
where a side has several processes. On a GPU also Llama shapes of 1B and 7B, beside the
memory-bandwidth floor.

Run: PYTHONPATH=src:. python benchmarks/sampling.py [--quick] [--model FOLDER] [--rounds N]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import random_llama
from reset.generation import generate as shards
from reset.generation.decoding import Draw, Grid, Request, Setting
from reset.generation.engines import EngineSettings, load

GRID = Grid([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], [5, 10, 20, 50, 70, 90, 100], 1.0)
SETTINGS = [*map(Setting, GRID.temperatures), *(Setting(1.0, k) for k in GRID.top_k)]
HOW = EngineSettings(
    engine="transformers", precision="bf16", batch_tokens=60_000, workers=1, vllm=None, openai=None
)
VLLM = {"tensor_parallel": 1, "memory": 0.9, "request_seeds": False, "enforce_eager": True}
# prompts of one batch (vLLM: twice that); the loop takes one prompt, its seconds a prompt being
# constant
BATCH = 4
Side = tuple[int, Callable[[], Any]]  # how many prompts, and the call that answers them


class Case(NamedTuple):
    name: str
    prompt: int
    new: int
    goals: tuple[float, ...]  # in the order of RATIOS


CASES = [
    Case("a: 1000 + 20", 1000, 20, (4.0, 3.0, 0.95, 9.0)),
    Case("b: 50 + 80", 50, 80, (7.0, 2.2, 0.95, 20.0)),
]
RATIOS = [  # name, theirs, ours
    ("transformers engine against the loop", "loop", "transformers engine"),
    ("transformers engine against one call a setting", "call a setting", "transformers engine"),
    ("vllm engine against LLM.generate", "LLM.generate", "vllm engine"),
    ("vllm engine against the loop", "loop", "vllm engine"),
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="6 of the 30 layers, one round: under 5 minutes on 2 cores",
    )
    parser.add_argument("--model", type=Path, help="a model folder in place of random weights")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    os.environ |= {
        "OMP_NUM_THREADS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_LOGGING_LEVEL": "ERROR",
    }
    import torch

    torch.set_num_threads(1)
    rounds = 1 if given.quick else given.rounds
    with tempfile.TemporaryDirectory() as folder:
        layers = 6 if given.quick else None
        model = given.model or random_llama.build(
            Path(folder) / "llama", random_llama.SMOLLM_135M, layers
        )
        made: Any = load(model, HOW, 0)
        over_vllm = vllm_engine(model) if importlib.util.find_spec("vllm") else None
        if over_vllm is None:
            print("vllm is not installed: its sides are left out")
        print(
            f"seconds a prompt (medians of {rounds}), 14 settings, {layers or 'all'} layers, bf16",
            flush=True,
        )
        results: list[dict[str, Any]] = []
        for case in CASES:
            took = compare(
                sides(made, case) | (vllm_sides(over_vllm, case) if over_vllm else {}), rounds
            )
            print(
                f"{case.name}: "
                + ", ".join(f"{name} {seconds:.2f}" for name, seconds in took.items()),
                flush=True,
            )
            results += ratios(case, took)
        growth(made, model, Path(folder))
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


def encoded(made: Any, case: Case, count: int) -> list[Request]:
    """Requests whose prompts the engine takes for exactly `case.prompt` tokens, whatever its
    tokenizer.
    """
    asked = requests(case, count, SETTINGS)
    made.prompts.max_new_tokens = case.new
    made.prompts.encode(asked)
    for request in asked:
        made.prompts.ids[request.id] = made.prompts.ids[request.id][: case.prompt]
    return asked


def sides(made: Any, case: Case) -> dict[str, Side]:
    """The sides that run on the transformers model of engine `made`."""
    import torch

    asked = encoded(made, case, BATCH)
    made.prompts.stops = [-1]
    made.model.generation_config.eos_token_id = None
    ids = torch.tensor([made.prompts.ids[r.id] for r in asked], device=made.model.device)

    def generate(part: torch.Tensor) -> None:
        for setting in SETTINGS:
            how = {
                "do_sample": True,
                "temperature": setting.temperature,
                "top_k": setting.top_k or 0,
            }
            made.model.generate(
                part,
                attention_mask=torch.ones_like(part),
                max_new_tokens=case.new,
                pad_token_id=0,
                top_p=1.0,
                **how,
            )

    made.model.generate(
        ids[:1], attention_mask=torch.ones_like(ids[:1]), max_new_tokens=2, pad_token_id=0
    )  # warms up
    return {
        "loop": (1, lambda: generate(ids[:1])),
        "call a setting": (BATCH, lambda: generate(ids)),
        "transformers engine": (BATCH, lambda: list(made.run(made.plan(asked)))),
    }


def vllm_engine(model: Path) -> Any:
    """Our engine over vLLM, loaded, whose requests go on past EOS."""
    import torch

    how = EngineSettings(
        **vars(HOW)
        | {
            "engine": "vllm",
            "vllm": VLLM | {"request_seeds": torch.cuda.is_available()},
        }
    )
    made: Any = load(model, how, 0)
    plain = made._sampling

    def endless(draw: Draw) -> Any:
        sampling = plain(draw)
        sampling.ignore_eos = True
        return sampling

    made._sampling, made.prompts.stops = endless, []
    encoded(
        made, max(CASES, key=lambda case: case.prompt + case.new), 1
    )  # for that much vLLM makes room
    assert made.llm
    return made


def vllm_sides(made: Any, case: Case) -> dict[str, Side]:
    """`LLM.generate` and our engine on the same requests, the prefix cache emptied before each
    run.
    """
    asked = encoded(made, case, 2 * BATCH)
    prompts = [{"prompt_token_ids": made.prompts.ids[r.id]} for r in asked for _ in r.draws]
    sampling = [made._sampling(draw) for r in asked for draw in r.draws]
    made.llm.generate(prompts[:1], sampling[:1], use_tqdm=False)  # warms up

    def raw() -> None:
        assert made.llm.reset_prefix_cache()
        made.llm.generate(prompts, sampling, use_tqdm=False)

    def ours() -> None:
        assert made.llm.reset_prefix_cache()
        assert len(list(made.run(made.plan(asked)))) == len(asked)

    return {"LLM.generate": (len(asked), raw), "vllm engine": (len(asked), ours)}


def compare(sides: dict[str, Side], rounds: int) -> dict[str, float]:
    """Median seconds a prompt of each side, the sides taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, (prompts, run) in sides.items():
            seconds[name].append(clock(run) / prompts)
    return {name: statistics.median(values) for name, values in seconds.items()}


def ratios(case: Case, took: dict[str, float]) -> list[dict[str, Any]]:
    return [
        {
            "name": f"{name}, {case.name}",
            "ratio": round(took[theirs] / took[ours], 2),
            "goal": goal,
            "ours": round(took[ours], 3),
            "theirs": round(took[theirs], 3),
            "unit": "s/prompt",
        }
        for (name, theirs, ours), goal in zip(RATIOS, case.goals, strict=True)
        if ours in took
    ]


def growth(made: Any, model: Path, folder: Path) -> None:
    """Tokens a second of the transformers engine as settings and processes are added (a process's
    start is counted).
    """

    case = CASES[1]
    for count in (7, 14, 28):
        plan = made.plan(requests(case, BATCH, (SETTINGS * 2)[:count]))
        took = clock(lambda plan=plan: list(made.run(plan)))
        print(f"{count:>3} settings: {BATCH * count * case.new / took:.0f} tokens/s", flush=True)
    for workers in (1, 2):
        shards.WORK = folder / f"work{workers}"
        how = EngineSettings(**vars(HOW) | {"workers": workers, "batch_tokens": 8000})
        started = time.perf_counter()
        rows = shards.generate(model, requests(case, 2 * BATCH, SETTINGS), how, case.new)
        took = time.perf_counter() - started
        print(
            f"{workers:>3} processes: {sum(row['tokens'] for row in rows) / took:.0f} tokens/s,"
            " start included"
        )


def on_gpu(name: str, model: Path) -> None:
    """Tokens a second of the transformers engine beside what reading the weights once a step
    allows.
    """
    import torch

    case, count = CASES[1], 32
    made: Any = load(model, EngineSettings(**vars(HOW) | {"batch_tokens": 10**6}), case.new)
    asked = requests(case, count, SETTINGS)
    weights = sum(p.numel() * p.element_size() for p in made.model.parameters())
    made.prompts.stops = [-1]
    list(made.run([asked[:1]]))
    block = torch.empty(2**30, dtype=torch.uint8, device="cuda")
    copied = clock(lambda: [block.clone() for _ in range(20)] and torch.cuda.synchronize())
    bandwidth = 20 * 2 * 2**30 / copied
    took = clock(lambda: list(made.run(made.plan(asked))))
    tokens = count * len(SETTINGS) * case.new
    floor = case.new * weights / bandwidth
    print(
        f"{name}: {tokens / took:,.0f} tokens/s; floor of reading the weights {floor:.2f} s, took"
        f" {took:.2f} s"
    )


def clock(run: Callable[[], Any]) -> float:
    import torch

    now = time.perf_counter if torch.cuda.is_available() else time.process_time
    started = now()
    run()
    return now() - started


if __name__ == "__main__":
    main()

"""A stage of two workers, for tests that look at it from outside: `python -m
tests.support.two_workers MODEL ENGINE`.

Engine `vllm` is the real one; `stuck` never ends its first batch. Workers import this module, too,
and with it `stuck`.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

from reset.core.errors import run_stage
from reset.generation import engines, generate
from reset.generation.decoding import GREEDY
from tests.support.random_model import SETTINGS, requests

VLLM = {"tensor_parallel": 1, "memory": 0.5, "request_seeds": False, "enforce_eager": True}


class Stuck:
    longest = 0

    def __init__(self, *_):
        pass

    def plan(self, asked):
        return [[request] for request in asked]

    def run(self, batches):
        print("busy", flush=True)
        time.sleep(3600)
        yield []


SETTING = replace(SETTINGS, engine="vllm", vllm=VLLM, workers=2)
model, engine = sys.argv[1:]
if engine == "stuck":
    engines.load = Stuck

if __name__ == "__main__":
    run_stage(
        lambda: print(len(generate.generate(Path(model), requests(20, [GREEDY]), SETTING, 12)))
    )

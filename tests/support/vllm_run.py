"""Answers of the vLLM engine by another Python than that of the tests: `python -m
tests.support.vllm_run MODEL COUNT OUT`.
"""

import sys
from dataclasses import replace
from pathlib import Path

from reset.core.io import write
from reset.generation import generate
from reset.generation.decoding import GREEDY, Setting
from tests.support.random_model import SETTINGS, requests

MIXED = [GREEDY, Setting(0.8), Setting(1.0, 10)]
VLLM = {"tensor_parallel": 1, "memory": 0.5, "request_seeds": False, "enforce_eager": True}

if __name__ == "__main__":
    model, count, out = sys.argv[1:]
    settings = replace(SETTINGS, engine="vllm", vllm=VLLM)
    write(out, generate.generate(Path(model), requests(int(count), MIXED), settings, 12))

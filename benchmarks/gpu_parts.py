"""The parts of benchmarks/gpu.py that run in processes of their own, so that memory, devices and
patches end with them: `python gpu_parts.py NAME JSON`, in a folder of the caller's. The last line
printed is the result, as JSON.
"""

import csv
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]


def train(settings: dict[str, Any], stop: int | None) -> dict[str, Any]:
    """Train the tests' tiny Llama here, or go on where a killed run was; `settings` differ from
    `train.shared` of the tests, `stop` is the step at which the process kills itself.
    """
    import torch

    from reset.core.hashing import file_digest
    from reset.training import launch, run, trainer
    from reset.training.settings import LoraSettings
    from tests.support import tiny_llama

    if settings.get("deepspeed") and not torch.cuda.is_available():
        import deepspeed.ops

        # else DeepSpeed compiles a part for a minute that one process has no use for
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    if "lora" in settings:
        settings["lora"] = LoraSettings(**settings["lora"])
    step = trainer.CompletionTrainer.training_step

    def training_step(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.state.global_step == stop:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, *args, **kwargs)

    trainer.CompletionTrainer.training_step = training_step
    job = tiny_llama.job(Path.cwd(), **settings)
    run.run(job)
    with open(job.curve, encoding="utf-8") as file:
        losses = [float(row["eval_loss"]) for row in csv.DictReader(file) if row["eval_loss"]]
    found = {"losses": losses, "model": file_digest(job.model / "model.safetensors")}
    print(json.dumps(found), flush=True)
    launch.leave()
    return found


def answer(precision: str) -> dict[str, Any]:
    """Texts that engine `transformers` gives for the tests' requests, on what device there is."""
    from dataclasses import replace

    from reset.generation import engines
    from reset.generation.decoding import GREEDY, Setting
    from tests.support import random_model

    model = random_model.save_model(Path("model"))
    settings = replace(random_model.SETTINGS, precision=precision)
    engine = engines.load(model, settings, 24)
    asked = random_model.requests(24, [GREEDY, Setting(0.3), Setting(1.0), Setting(1.0, 5)])
    texts = {}
    for finished in engine.run(engine.plan(asked)):
        for request, answers in finished:
            texts[request.id] = [answer.text for answer in answers]
    return {"texts": [texts[request.id] for request in asked]}


def entail(precision: str, devices: str, hidden: int, layers: int, count: int) -> dict[str, Any]:
    """Entailment of made-up pairs by a random ALBERT of that shape, and pairs a second."""
    import random
    import time

    from benchmarks import random_nli
    from reset.judges.faithfulness.nli import Nli

    rng = random.Random(0)
    words = [f"word{i}" for i in range(200)]
    pairs = []
    for _ in range(count):
        pairs.append((" ".join(rng.choices(words, k=30)), " ".join(rng.choices(words, k=12))))
    folder = random_nli.build(
        Path("nli"), [text for pair in pairs for text in pair], hidden, layers
    )
    model = Nli(folder, precision, devices)
    model.score(pairs[:8], 4096)
    begin = time.perf_counter()
    scores = model.score(pairs, 65536)
    took = time.perf_counter() - begin
    return {"entailment": [scores[pair][0] for pair in pairs], "pairs_per_second": count / took}


PARTS = {"train": train, "answer": answer, "entail": entail}

if __name__ == "__main__":
    name, arguments = sys.argv[1:]
    result = PARTS[name](**json.loads(arguments))
    print(json.dumps(result), flush=True)

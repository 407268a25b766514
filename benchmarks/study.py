"""The paper's study on real text, with one small model: all runs and controls, three seeds, in one call.

It runs the stages of dvc.yaml themselves, in one process a seed and without DVC, on Natural Questions (five passages by
BM25) as the grounded task and Alpaca as instructions; held-out rows of both and BioASQ evaluate. Faithfulness is span
coverage, with K-Precision beside it; instruction following is ROUGE-L to the reference, in selection and evaluation,
or a judge's rating where --judge names an OpenAI-compatible server. Vicuna's and Koala's requests have no reference,
so they take part only with --judge.

On a GPU it takes at most --minutes, and seeds that are not finished by then are left out. Without one it runs at toy
size, where no number means anything. All settings were written down before any result was seen.

Run: `python benchmarks/study.py --data FOLDER... --model FOLDER --out FOLDER`. The data folders hold nq.jsonl and
alpaca.jsonl, and perhaps bioasq.jsonl, vicuna_eval.jsonl, koala_eval.jsonl, with the sets' published columns. The
model is an instruction-tuned one: a folder, or a GGUF file (with the package gguf). Needs torch, transformers,
accelerate, numpy, tqdm, yaml, bm25s and rouge-score with its nltk, absl-py and six.
"""

import argparse
import copy
import gc
import importlib
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

import yaml  # noqa: E402

from reset import aggregate, models, params, runs, study, tables  # noqa: E402

REQUIRED, OPTIONAL = ("nq", "alpaca"), ("bioasq",)
WITHOUT_REFERENCES = ("vicuna_eval", "koala_eval")
SIZES: dict[str, dict[str, Any]] = {  # rows of a set, prompts of a set in a pool, tokens, rows of a step and at once
    "gpu": {"train": 800, "eval": 250, "dev": 40, "pool": 250, "tokens": 1024, "answer": 80, "batch": 16, "micro": 16},
    "toy": {"train": 8, "eval": 2, "dev": 1, "pool": 4, "tokens": 320, "answer": 8, "batch": 4, "micro": 2},
}
RATE, CONTINUED_RATE = 5.0e-5, 1.0e-5  # our assumptions; the paper says that the second is smaller
LAST = ("calibrate", "report")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--model", type=Path, help="without it, at toy size, a tiny one with random weights")
    parser.add_argument(
        "--base", type=Path, help="the pre-trained model; without it the runs from base start from --model"
    )
    parser.add_argument("--judge", nargs=2, metavar=("URL", "NAME"), help="an OpenAI-compatible server and its model")
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument("--minutes", type=float, default=9.5)
    parser.add_argument("--out", type=Path, help="folder for the report, its tables and the settings")
    parser.add_argument("--one-seed", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one_seed is not None:
        run_seed(given.one_seed)
        return
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    began = time.perf_counter()
    import torch

    gpu = torch.cuda.is_available()
    seeds = given.seeds or ([0, 1, 2] if gpu else [0])
    print(torch.cuda.get_device_name() if gpu else "No GPU: toy size on the CPU. No number here says anything.")
    with tempfile.TemporaryDirectory(prefix="study-") as folder:
        prepare(Path(folder), given, SIZES["gpu" if gpu else "toy"], gpu, seeds)
        out = given.out.resolve() if given.out else None
        os.chdir(folder)
        once = list(items(seeds[:1], lambda block: "seed" not in block.get("matrix", {})))
        for name, item in sorted(once, key=lambda each: each[0] != "models"):  # prompts are cut by a model's tokens
            if name not in LAST:
                run_stage(name, item)
        done = run_seeds(seeds, given.minutes * 60 - (time.perf_counter() - began) - 20)
        if not done:
            sys.exit(f"no seed was finished in {given.minutes:g} minutes")
        found = finish(done, given.base is not None)
        if out:
            keep(out)
        os.chdir(ROOT)
    print(f"{time.perf_counter() - began:.0f} s in all, seeds {', '.join(map(str, done))}")
    print(json.dumps(results(found)))


# ---- the workspace and its params --------------------------------------------------------------------------------


def prepare(folder: Path, given: argparse.Namespace, size: dict[str, Any], gpu: bool, seeds: list[int]) -> None:
    """A workspace in `folder`: dvc.yaml, prompts, profiles, the published rows, the models and params.yaml."""
    for name in ("dvc.yaml", "prompts", "profiles"):
        (folder / name).symlink_to(ROOT / name)
    found = {}
    for name in (*REQUIRED, *OPTIONAL, *WITHOUT_REFERENCES):
        file = next((place / f"{name}.jsonl" for place in given.data if (place / f"{name}.jsonl").is_file()), None)
        if file is None and name in REQUIRED:
            sys.exit(f"no {name}.jsonl in {', '.join(map(str, given.data))}")
        if file is None or (name in WITHOUT_REFERENCES and not given.judge):
            why = "no such file" if file is None else "it has no references and there is no --judge"
            print(f"{name}: left out, {why}")
            continue
        found[name] = file
    (folder / "mirror").mkdir()
    for file in found.values():
        (folder / "mirror" / file.name).symlink_to(file.resolve())
    chat = model_folder(given.model, folder / "chat", gpu)
    base = model_folder(given.base, folder / "base", gpu) if given.base else chat
    if not given.base:
        print("base: no pre-trained model was given, so base is chat itself, and stage1 and stage2 start from it")
    settings = profile(size, list(found), given.judge, chat, base, seeds)
    (folder / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


def model_folder(given: Path | None, place: Path, gpu: bool) -> Path:
    if given is None:
        if gpu:
            sys.exit("--model is needed: an instruction-tuned model's folder or GGUF file")
        print("model: none was given, so a tiny one with random weights stands in")
        return tiny_model(place, sorted((place.parent / "mirror").iterdir()))
    if given.suffix == ".gguf":
        place.mkdir()
        models.convert(given.resolve(), place)
        return place
    return given.resolve()


def tiny_model(place: Path, texts: list[Path]) -> Path:
    """Two layers of random weights, and a tokenizer of 2,000 byte pairs made from the rows."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
    from tokenizers import models as token_models
    from transformers import PreTrainedTokenizerFast

    from tests import tiny_llama

    tokenizer = Tokenizer(token_models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    symbols = list(special.values())
    learn = trainers.BpeTrainer(vocab_size=2000, special_tokens=symbols, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train([str(path) for path in texts], learn)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(place)
    tiny_llama.model(vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=4096).save_pretrained(place)
    return place


def profile(
    size: dict[str, Any], sets: list[str], judge: list[str] | None, chat: Path, base: Path, seeds: list[int]
) -> dict[str, Any]:
    """params.yaml of the study: profiles/smollm.yaml with these sizes."""
    settings: dict[str, Any] = copy.deepcopy(params.load(ROOT / "profiles/smollm.yaml"))
    trained = {name: size["train"] if name in REQUIRED else 0 for name in sets}
    rows = {name: {"source": "published", "train": trained[name], "eval": size["eval"]} for name in sets}
    settings["seeds"] = seeds
    settings["data"] |= {"mirror": "mirror", "max_tokens": size["tokens"], "dev": size["dev"], "datasets": rows}
    for name, folder in (("base", base), ("chat", chat)):
        settings["models"][name] = {"source": "folder", "id": str(folder), "revision": None}
    settings["models"]["nli"] = {"source": "none", "id": None, "revision": None}
    settings["train"]["shared"] |= {
        "max_length": size["tokens"] + 32, "eval_every": 25, "save_every": 1000, "micro_batch": size["micro"],
        "length_window": 8, "precision": "bf16",
    }  # fmt: skip
    for run in runs.START:
        continued = runs.START[run] == "mtl" or run == "direct"
        batch = size["batch"] * (2 if run in ("stage2", "mtl") else 1)
        settings["train"][run] = {"learning_rate": CONTINUED_RATE if continued else RATE, "batch": batch, "epochs": 1}
    settings["sampling"] |= {"batch_tokens": size["pool"] * 2000, "max_new_tokens": size["answer"], "precision": "bf16"}
    settings["sampling"]["pools"] = {
        "reset": {"rounds": 1, "prompts_per_dataset": size["pool"], "reference": False},
        "reset_s": {"rounds": 2, "prompts_per_dataset": max(1, size["pool"] // 4), "reference": False},
    }
    instruction = settings["judges"]["instruction"]
    instruction["backend"] = "openai" if judge else "rouge_l"
    if judge:
        instruction["openai"] |= {"base_url": judge[0], "model": judge[1], "extra_body": None}
    else:
        instruction["openai"] = None
    settings["judges"]["faithfulness"]["abstractive"] = "k_precision"  # no task of this study; needs no NLI model
    settings["evaluation"]["max_new_tokens"] = size["answer"]
    return settings


# ---- stages without DVC ------------------------------------------------------------------------------------------


def items(seeds: list[int], wanted: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(stage, item) of dvc.yaml for `seeds` of the stages that are `wanted`, in the order of the file."""
    everything = params.load("params.yaml")
    for name, block in params.load("dvc.yaml")["stages"].items():
        if not wanted(block):
            continue
        if "foreach" in block:
            yield from ((name, {"key": key}) for key in everything["data"]["datasets"])
            continue
        matrix = {key: seeds if key == "seed" else values for key, values in block.get("matrix", {}).items()}
        for values in itertools.product(*matrix.values()):
            yield name, dict(zip(matrix, values, strict=True))


def run_stage(name: str, item: dict[str, Any]) -> None:
    """What DVC would run for one item, in this process: the stage's script with its arguments."""
    block = params.load("dvc.yaml")["stages"][name]
    command = block.get("do", block)["cmd"]
    filled = re.sub(r"\$\{(?:item\.)?(\w+)\}", lambda field: str(item[field[1]]), command)
    script, *arguments = shlex.split(filled.split("python ", 1)[1])
    sys.argv = [script, *arguments]
    importlib.import_module(f"stages.{Path(script).stem}").main()
    gc.collect()


def run_seed(seed: int) -> None:
    """All stages of one seed, in the working directory; prints the seconds that each took."""
    import torch

    for name, item in items([seed], lambda block: "seed" in block.get("matrix", {})):
        began = time.perf_counter()
        run_stage(name, item)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        print(
            f"seed {seed}: {name} {'-'.join(map(str, item.values()))} {time.perf_counter() - began:.1f} s", flush=True
        )


def run_seeds(seeds: list[int], seconds: float) -> list[int]:
    """One process a seed, side by side on the device; those that are not done after `seconds` are stopped."""
    deadline = time.perf_counter() + seconds
    logs = {seed: open(f"seed_{seed}.log", "w") for seed in seeds}
    script = str(Path(__file__).resolve())
    started = {
        seed: subprocess.Popen([sys.executable, script, "--data", ".", "--one-seed", str(seed)], stdout=log, stderr=log)
        for seed, log in logs.items()
    }
    done = []
    try:
        for seed, process in started.items():
            try:
                code = process.wait(max(deadline - time.perf_counter(), 0.1))
            except subprocess.TimeoutExpired:
                print(f"seed {seed}: not finished in time, left out")
                continue
            if code:
                sys.exit(f"seed {seed} failed:\n{Path(f'seed_{seed}.log').read_text()[-3000:]}")
            done.append(seed)
    finally:
        for seed, process in started.items():
            process.kill()
            process.wait()
            logs[seed].close()
    return done


# ---- what came out -----------------------------------------------------------------------------------------------


def finish(seeds: list[int], has_base: bool) -> study.Study:
    """The report of the finished seeds, and its tables on the terminal."""
    settings = params.load("params.yaml") | {"seeds": seeds}
    Path("params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    for name in LAST:
        run_stage(name, {})
    shown = study.Settings(**{name: settings["report"][name] for name in study.Settings.__annotations__})
    found = study.load(shown, seeds, list(settings["data"]["datasets"]))
    for table in (
        tables.headline(found.averages),
        tables.differences(found.averages, found.intervals),
        tables.by_dataset(found.results, "instruction"),
        tables.by_dataset(found.results, "faithfulness"),
        tables.form(found.averages, found.instruction, found.context),
        tables.sampled(found.pools),
    ):
        print(f"\n{table.title}\n{tables.plain(table)}")
        print(*table.notes, sep="\n")
    kinds = sorted({row["measure"] for row in found.results if row["metric"] == "instruction"})
    print(
        f"IF is ten times the score of: {', '.join(kinds)}. Faithfulness is span coverage; K-Precision is in the form."
    )
    if not has_base:
        print("base is the instruction-tuned model too: stage1 and grounded differ in nothing, nor do base and chat.")
    return found


def keep(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name in ("report/report.md", "report/index.html", "metrics/results.csv", "metrics/summary.json", "params.yaml"):
        shutil.copy(name, out)


def results(found: study.Study) -> list[dict[str, Any]]:
    """One entry a comparison and ability, over all its sets: means of both runs, their ratio and the 95 % interval."""
    entries = []
    for run, other, abilities in runs.COMPARISONS:
        for metric in abilities:
            for group in aggregate.groups_of(found.averages, metric)[-1:]:
                ours, theirs = (
                    aggregate.spread(found.averages.get((name, metric, group), {})) for name in (run, other)
                )
                if ours is None or theirs is None:
                    continue
                entries.append(
                    {
                        "name": f"{metric} of {run} against {other}",
                        "ratio": round(ours.mean / theirs.mean, 4) if theirs.mean else None,
                        "goal": 1.0,
                        "ours": round(ours.mean, 4),
                        "theirs": round(theirs.mean, 4),
                        "unit": "score from 0 to 1",
                        "difference_interval": found.intervals.get((run, other, metric, group)),
                    }
                )
    return entries


if __name__ == "__main__":
    main()

"""The paper's study on real text, with one small model: all runs and controls, three seeds, in one call.

It runs the stages of dvc.yaml themselves, without DVC, on Natural Questions (five passages by BM25) as the grounded
task and Alpaca as instructions; held-out rows of both and BioASQ evaluate. Faithfulness is span coverage, with
K-Precision beside it; instruction following is ROUGE-L to the reference, in selection and evaluation, or a judge's
rating where --judge names an OpenAI-compatible server on this machine. Vicuna's and Koala's requests have no
reference, so they take part only with --judge.

Held out of training are the evaluation questions of NQ and their gold passages: no training row asks such a question,
or has a gold passage of its own that shares 13 words in a row with one of theirs. The other passages of a context come
from one pool for all rows, so an evaluation row's passage may be a distractor of a training row. In most contexts the
gold passage ranks first; what copying the first one would score is told beside the tables.

On a GPU it takes at most --minutes. Earlier seeds go first, and seeds that are not finished by then are left out.
Without one it runs at toy size, where no number means anything. All settings were written down before any result was
seen. --out gets the report, headed by all of this run's terms, its tables, params.yaml, and a log of each seed with
the seconds of its stages, also where a seed fails or is not finished.

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
import multiprocessing
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from html import escape
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

import yaml  # noqa: E402

from reset import aggregate, blocks, models, params, records, runs, study, tables  # noqa: E402
from reset.datasets import order  # noqa: E402
from reset.decontamination import EvaluationText, Ngrams  # noqa: E402
from reset.errors import InputError, explain  # noqa: E402
from reset.judges import llm  # noqa: E402
from reset.judges.exact_match import exact_match  # noqa: E402
from reset.judges.span import span_coverage  # noqa: E402
from reset.normalize import mentions  # noqa: E402
from reset.published import registry  # noqa: E402
from reset.published.entry import check, shape_of  # noqa: E402

REQUIRED, OPTIONAL = ("nq", "alpaca"), ("bioasq",)
WITHOUT_REFERENCES = ("vicuna_eval", "koala_eval")
# rows of a set, prompts of a set in a pool, tokens, rows of a step and at once, items of the study side by side
SIZES: dict[str, dict[str, Any]] = {
    "gpu": {
        "train": 800, "eval": 250, "dev": 40, "pool": 250, "tokens": 1024, "answer": 80, "batch": 16, "micro": 16,
        "at_once": 4,
    },
    "toy": {
        "train": 8, "eval": 2, "dev": 1, "pool": 4, "tokens": 320, "answer": 8, "batch": 4, "micro": 2, "at_once": 1,
    },
}  # fmt: skip
RATE, CONTINUED_RATE = 5.0e-5, 1.0e-5  # our assumptions; the paper says that the second is smaller
LAST = ("calibrate", "report")
KEPT = ("report/report.md", "report/index.html", "metrics/results.csv", "metrics/summary.json", "params.yaml")
Item = tuple[str, dict[str, Any]]  # a stage, and the values of its matrix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--model", type=Path, help="without it, at toy size, a tiny one with random weights")
    parser.add_argument(
        "--base", type=Path, help="the pre-trained model; without it the runs from base start from --model"
    )
    parser.add_argument(
        "--judge", nargs=2, metavar=("URL", "NAME"), help="an OpenAI-compatible server on this machine and its model"
    )
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument("--minutes", type=float, default=9.5)
    parser.add_argument("--out", type=Path, help="folder for the report, its tables, the settings and the logs")
    given = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    began = time.perf_counter()
    out = given.out.resolve() if given.out else None
    if out and (out / "report.md").exists():
        raise InputError(f"--out: {given.out} holds a report already; name another folder, or move it away")
    import torch

    gpu = torch.cuda.is_available()
    seeds, size = given.seeds or ([0, 1, 2] if gpu else [0]), SIZES["gpu" if gpu else "toy"]
    notes: list[str] = []
    tell(notes, torch.cuda.get_device_name() if gpu else "No GPU: toy size on the CPU. No number here says anything.")
    tell(notes, revision())
    tell(notes, f"Command: python benchmarks/study.py {shlex.join(sys.argv[1:])}")
    with tempfile.TemporaryDirectory(prefix="study-") as folder:
        prepare(Path(folder), given, size, gpu, seeds, notes)
        os.chdir(folder)
        try:
            for name, item in for_all_seeds():
                run_stage(name, item)
            done, failed = run_seeds(
                seeds, size["at_once"], lambda: given.minutes * 60 - (time.perf_counter() - began) - 20, notes
            )
            if not done:
                sys.exit(f"no seed was finished in {given.minutes:g} minutes")
            found = finish(done, notes)
            tell(notes, f"{time.perf_counter() - began:.0f} s in all, seeds {', '.join(map(str, done))}")
            put_first(notes)
        finally:
            if out:
                keep(out)
            os.chdir(ROOT)
    print(json.dumps(results(found)))
    if failed:
        sys.exit(f"seed {', '.join(map(str, failed))} failed")


def tell(notes: list[str], sentence: str) -> None:
    """Print a term of this run, and note it for the head of the report."""
    print(sentence)
    notes.append(sentence)


def revision() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "transformers"))
    return f"Revision {done.stdout.strip() or 'unknown (no git repository)'}, {versions}"


# ---- the workspace and its params --------------------------------------------------------------------------------


def prepare(
    folder: Path, given: argparse.Namespace, size: dict[str, Any], gpu: bool, seeds: list[int], notes: list[str]
) -> None:
    """A workspace in `folder`: dvc.yaml, prompts, profiles, the published rows, the models and params.yaml."""
    for name in ("dvc.yaml", "prompts", "profiles"):
        (folder / name).symlink_to(ROOT / name)
    found = {}
    for name in (*REQUIRED, *OPTIONAL, *WITHOUT_REFERENCES):
        file = next((place / f"{name}.jsonl" for place in given.data if (place / f"{name}.jsonl").is_file()), None)
        if file is None and name in REQUIRED:
            raise InputError(f"no {name}.jsonl in {', '.join(map(str, given.data))}")
        if file is None or (name in WITHOUT_REFERENCES and not given.judge):
            why = "no such file" if file is None else "it has no references and there is no --judge"
            tell(notes, f"{name}: left out, {why}")
            continue
        found[name] = file
    settings = profile(size, list(found), given.judge, seeds)
    (folder / "mirror").mkdir()
    for name, file in found.items():
        if name != "nq":
            (folder / "mirror" / file.name).symlink_to(file.resolve())
    rows, questions, passages = held_out(found["nq"], 2 * size["eval"], settings["data"]["ngram"])
    records.write(folder / "mirror/nq.jsonl", rows)
    tell(
        notes,
        f"nq: {questions} training rows were dropped for the question of an evaluation row and {passages} for its gold "
        "passage",
    )
    chat = model_folder(given.model, folder / "chat", gpu, notes)
    base = model_folder(given.base, folder / "base", gpu, notes) if given.base else chat
    if not given.base:
        tell(
            notes,
            "base: no pre-trained model was given, so base is chat itself, and stage1 and stage2 start from it: stage1 "
            "and grounded differ in nothing, nor do base and chat",
        )
    for name, place in (("base", base), ("chat", chat)):
        settings["models"][name] = {"source": "folder", "id": str(place), "revision": None}
    tell(
        notes,
        f"Sizes: at most {size['train']} training rows of each of {' and '.join(REQUIRED)}, {size['eval']} evaluation "
        f"rows a set; {size['pool']} prompts a set for reset, {max(1, size['pool'] // 4)} for reset_s; prompts and "
        f"answers of {size['tokens']} tokens, answers of {size['answer']}; one epoch in batches of {size['batch']}, "
        f"{2 * size['batch']} where instruction data takes part; learning rate {RATE:g}, continued {CONTINUED_RATE:g}",
    )
    (folder / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


def held_out(file: Path, count: int, ngram: int) -> tuple[list[records.Row], int, int]:
    """The rows of NQ with a column `split`, and how many were dropped for a question and for a gold passage.

    `count` rows, chosen by a hash of their questions, are `test`: more than will evaluate, since filters drop some. The
    others are `train`, less those that share `ngram` words in a row, or a shorter question, with a `test` row: the rule
    of the stage mix, which leaves out passages that were retrieved, for the gold passages. Those are the row's own
    passages that hold an answer, or all of them where none does.
    """
    entry = registry.entry("nq")
    given = []
    for where, row in blocks.numbered(file):
        shape = shape_of(entry, row, where)
        check(row, shape.columns, where)
        record = shape.record(row)
        gold = [text for text in record["context"] if any(mentions(answer, text) for answer in record["references"])]
        given.append((row, record | {"task": entry.task, "context": gold or record["context"]}))
    given.sort(key=lambda pair: order(0, pair[1]["question"]))
    test, rest = given[:count], given[count:]
    words = Ngrams(ngram)
    questions = EvaluationText((record | {"context": [], "references": []} for _, record in test), words)
    everything = EvaluationText((record for _, record in test), words)
    asked = [questions.shares(record | {"context": [], "references": []}) for _, record in rest]
    shared = [everything.shares(record) for _, record in rest]
    rows = [row | {"split": "test"} for row, _ in test]
    rows += [row | {"split": "train"} for (row, _), drop in zip(rest, shared, strict=True) if not drop]
    return rows, sum(asked), sum(shared) - sum(asked)


def model_folder(given: Path | None, place: Path, gpu: bool, notes: list[str]) -> Path:
    if given is None:
        if gpu:
            raise InputError("--model is needed: an instruction-tuned model's folder or GGUF file")
        tell(notes, "model: none was given, so a tiny one with random weights stands in")
        return tiny_model(place, sorted((place.parent / "mirror").iterdir()))
    tell(notes, f"{place.name}: {given.name}")
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


def profile(size: dict[str, Any], sets: list[str], judge: list[str] | None, seeds: list[int]) -> dict[str, Any]:
    """params.yaml of the study but for its models: profiles/smollm.yaml with these sizes."""
    settings: dict[str, Any] = copy.deepcopy(params.load(ROOT / "profiles/smollm.yaml"))
    trained = {name: size["train"] if name in REQUIRED else 0 for name in sets}
    rows = {name: {"source": "published", "train": trained[name], "eval": size["eval"]} for name in sets}
    settings["seeds"] = seeds
    settings["data"] |= {"mirror": "mirror", "max_tokens": size["tokens"], "dev": size["dev"], "datasets": rows}
    settings["models"]["nli"] = {"source": "none", "id": None, "revision": None}
    settings["train"]["shared"] |= {
        "max_length": size["tokens"] + 32, "eval_every": 25, "save_every": 1000, "micro_batch": size["micro"],
        "length_window": 8, "precision": "bf16",
    }  # fmt: skip
    for run in runs.START:
        continued = runs.START[run] == "mtl" or run == "direct"
        batch = size["batch"] * (1 if run in ("stage1", "grounded") else 2)  # twice where instruction data takes part
        settings["train"][run] = {"learning_rate": CONTINUED_RATE if continued else RATE, "batch": batch, "epochs": 1}
    settings["sampling"] |= {"batch_tokens": size["pool"] * 2000, "max_new_tokens": size["answer"], "precision": "bf16"}
    settings["sampling"]["pools"] = {
        "reset": {"rounds": 1, "prompts_per_dataset": size["pool"], "reference": False},
        "reset_s": {"rounds": 2, "prompts_per_dataset": max(1, size["pool"] // 4), "reference": False},
    }
    settings["judges"]["max_missing"] = 0.01
    instruction = settings["judges"]["instruction"]
    instruction["backend"] = "openai" if judge else "rouge_l"
    instruction["openai"] = endpoint(instruction["openai"], *judge) if judge else None
    settings["judges"]["faithfulness"]["abstractive"] = "k_precision"  # no task of this study; needs no NLI model
    settings["evaluation"]["max_new_tokens"] = size["answer"]
    return settings


def endpoint(settings: dict[str, Any], url: str, name: str) -> dict[str, Any]:
    """judges.instruction.openai for a server on this machine, which costs nothing; InputError for any other."""
    settings = settings | {"base_url": url, "model": name, "max_tokens": 512, "extra_body": None}
    if not params.build(llm.OpenAI, settings, "judges.instruction.openai").local:
        raise InputError(
            f"--judge: {url} is not on this machine; the study knows no prices, so a local server is expected, such as "
            "http://127.0.0.1:8000/v1"
        )
    return settings


# ---- stages without DVC ------------------------------------------------------------------------------------------


def items(wanted: Callable[[dict[str, Any]], bool], seeds: list[int]) -> Iterator[Item]:
    """The items of the stages of dvc.yaml that are `wanted`, for `seeds`, in the order of the file."""
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


def for_all_seeds() -> list[Item]:
    """What is done once, before the seeds. Models come first: prompts are cut by a model's tokens."""
    found = [item for item in items(lambda block: "seed" not in block.get("matrix", {}), []) if item[0] not in LAST]
    return sorted(found, key=lambda item: item[0] != "models")


def filled(text: str, item: dict[str, Any]) -> str:
    return re.sub(r"\$\{(?:item\.)?(\w+)\}", lambda field: str(item[field[1]]), text)


def run_stage(name: str, item: dict[str, Any]) -> None:
    """What DVC would run for one item, in this process: the stage's script with its arguments."""
    block = params.load("dvc.yaml")["stages"][name]
    script, *arguments = shlex.split(filled(block.get("do", block)["cmd"], item).split("python ", 1)[1])
    sys.argv = [script, *arguments]
    importlib.import_module(f"stages.{Path(script).stem}").main()
    gc.collect()


def run_logged(name: str, item: dict[str, Any]) -> bool:
    """In a process of its own: one item of a seed. What it prints goes to the seed's log, then its seconds; False if it
    failed, with the reason in the log."""
    import torch

    with open(f"seed_{item['seed']}.log", "ab") as log:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())
    began = time.perf_counter()
    try:
        run_stage(name, item)
    except (Exception, SystemExit):
        traceback.print_exc()
        return False
    finally:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        print(f"{label(name, item)}: {time.perf_counter() - began:.1f} s", flush=True)
    return True


def label(name: str, item: dict[str, Any]) -> str:
    """The item as DVC names it."""
    return f"{name}@{'-'.join(map(str, item.values()))}"


def paths(listed: list[Any], item: dict[str, Any]) -> set[str]:
    """The paths of one item, from a stage's `deps` or `outs`."""
    return {filled(entry if isinstance(entry, str) else next(iter(entry)), item) for entry in listed}


def run_seeds(
    seeds: list[int],
    at_once: int,
    time_left: Callable[[], float],
    notes: list[str],
    run: Callable[[str, dict[str, Any]], bool] = run_logged,
) -> tuple[list[int], list[int]]:
    """The seeds that were finished before `time_left()` (seconds) came to 0, and those that failed.

    `at_once` processes work side by side, each on one item. Of the items whose deps are there the first of the earliest
    seed is next, so the device is never idle and still one seed is finished after the other. A seed that fails stops,
    the others go on.
    """
    waiting = [item for seed in seeds for item in items(lambda block: "seed" in block.get("matrix", {}), [seed])]
    total = len(waiting) // len(seeds)
    stages = params.load("dvc.yaml")["stages"]
    needs = {label(*item): paths(stages[item[0]].get("deps", []), item[1]) for item in waiting}
    makes = {label(*item): paths(stages[item[0]].get("outs", []), item[1]) for item in waiting}
    missing = set().union(*makes.values())
    running: dict[Future[bool], Item] = {}
    failed: dict[int, str] = {}
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(at_once, multiprocessing.get_context("spawn"))
    try:
        while (waiting or running) and (seconds := time_left()) > 0:
            ready = [item for item in waiting if not needs[label(*item)] & missing]
            for item in ready[: at_once - len(running)]:
                running[pool.submit(run, *item)] = item
                waiting.remove(item)
            for future in wait(running, seconds, FIRST_COMPLETED).done:
                worked, item = future.result(), running[future]
                del running[future]
                if worked:
                    missing -= makes[label(*item)]
                else:
                    failed.setdefault(item[1]["seed"], label(*item))
                    waiting = [item for item in waiting if item[1]["seed"] not in failed]
    except BrokenProcessPool:  # the system killed a process, for memory perhaps
        for _, values in (*running.values(), *waiting):
            failed.setdefault(values["seed"], "a process that was killed")
    finally:
        for process in set(multiprocessing.active_children()) - before:
            process.kill()
        pool.shutdown(cancel_futures=True)
    left = [values["seed"] for _, values in (*running.values(), *waiting)]
    for seed in seeds:
        if seed in failed:
            tell(notes, f"seed {seed}: failed in {failed[seed]}, left out")
        elif seed in left:
            tell(notes, f"seed {seed}: left out, {left.count(seed)} of {total} items were left when the time was up")
        log = Path(f"seed_{seed}.log")
        if (seed in failed or seed in left) and log.exists():
            print(log.read_text()[-3000:])
    return [seed for seed in seeds if seed not in failed and seed not in left], list(failed)


# ---- what came out -----------------------------------------------------------------------------------------------


def finish(seeds: list[int], notes: list[str]) -> study.Study:
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
    rater = settings["judges"]["instruction"]["openai"]
    by = f" by {rater['model']}" if rater else " to the reference, which also selects"
    tell(notes, f"IF is measured by {', '.join(kinds)}{by}. Faithfulness is span coverage; K-Precision is in the form.")
    for sentence in first_passage(records.read("data/evaluation.jsonl")):
        tell(notes, sentence)
    return found


def first_passage(rows: list[records.Row]) -> list[str]:
    """What an answer that copies the first passage of the context would score, a sentence a data set of questions."""
    told = []
    for name in dict.fromkeys(row["dataset"] for row in rows if row["task"] == "extractive_qa"):
        of_set = [row for row in rows if row["dataset"] == name]
        copied = [(row["context"][0], row) for row in of_set]
        faithful = sum(span_coverage(text, row["context"]) for text, row in copied) / len(of_set)
        right = sum(exact_match(text, row["references"]) for text, row in copied) / len(of_set)
        there = sum(any(mentions(answer, text) for answer in row["references"]) for text, row in copied) / len(of_set)
        told.append(
            f"The first passage copied whole would score faithfulness {faithful:.2f} and task {right:.2f} on {name} "
            f"(n = {len(of_set)}); it holds an answer in {tables.show_share(there)} of the rows"
        )
    return told


def put_first(notes: list[str]) -> None:
    """The terms of this run before the results, in both reports."""
    heading = "Terms of this run"
    text = "".join(f"* {note}\n" for note in notes)
    html = '<ul class="findings">' + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>"
    for path, first, terms in (
        ("report/report.md", "## Results", f"## {heading}\n\n{text}\n"),
        ("report/index.html", '<section id="results"', f"<section><h2>{heading}</h2>{html}</section>\n"),
    ):
        before, mark, after = Path(path).read_text(encoding="utf-8").partition(first)
        assert mark, f"{path}: no {first}"
        Path(path).write_text(before + terms + mark + after, encoding="utf-8")


def keep(out: Path) -> None:
    """What there is of the report, its tables, the settings and the logs of the seeds."""
    out.mkdir(parents=True, exist_ok=True)
    for path in (*map(Path, KEPT), *sorted(Path().glob("seed_*.log"))):
        if path.is_file():
            shutil.copy(path, out)


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
    explain(main)

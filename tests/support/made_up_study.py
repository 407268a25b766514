"""A small made-up study on disk: what the stages before `report` would have written, with chosen
numbers.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path

from reset.core import io, tasks
from reset.core.io import Row
from reset.evaluation import csv_table, metrics
from reset.report import results
from reset.report.runs import ENDS, START_MODELS

SETS = {  # name: task, seen
    "nq": ("extractive_qa", True),
    "ms_marco": ("abstractive_qa", True),
    "cnn_dailymail": ("summarization", True),
    "bioasq": ("extractive_qa", False),
    "searchqa": ("extractive_qa", False),
    "wikisum": ("summarization", False),
    "alpaca": ("instruction", False),
    "koala_eval": ("instruction", False),
    "vicuna_eval": ("instruction", False),
}
LEVELS = {  # run: instruction, faithfulness, task, mean tokens
    "base": (0.20, 0.30, 0.15, 21),
    "chat": (0.64, 0.14, 0.15, 11),
    "stage1": (0.33, 0.66, 0.70, 8),
    "stage2": (0.62, 0.44, 0.41, 12),
    "grounded": (0.42, 0.66, 0.71, 8),
    "stage1_end": (0.30, 0.55, 0.50, 6),
    "stage2_end": (0.60, 0.40, 0.38, 13),
    "grounded_end": (0.36, 0.70, 0.72, 7),
    "mtl": (0.60, 0.68, 0.70, 10),
    "direct": (0.61, 0.52, 0.55, 11),
    "reset": (0.66, 0.78, 0.78, 9),
    "reset_s": (0.655, 0.78, 0.775, 9),
    "random": (0.58, 0.68, 0.69, 10),
    "control": (0.605, 0.65, 0.71, 10),
}
ASKED = {  # `runs` of params.yaml
    "pools": ["reset", "reset_s"],
    "start_models": list(START_MODELS),
    "evaluated": [run for run in LEVELS if run not in START_MODELS],
    "benchmarked": [],
}
MEASURES = {"extractive_qa": ("exact_match", "span"), "instruction": ("rubric", "rubric")}


def write(
    root: Path,
    seeds: Sequence[int] = (0, 1, 2),
    prompts: int = 12,
    runs: Sequence[str] = tuple(LEVELS),
) -> None:
    """Everything that stages/report.py reads, below `root`; `prompts` a data set."""
    rows = evaluation(prompts)
    io.write(root / "data/evaluation.jsonl", rows)
    for run in runs:
        for seed in [None] if run in START_MODELS else seeds:
            name = run if seed is None else f"{run}_{seed}"
            judged = answers(rows, run, seed)
            io.write(root / f"data/answers/{name}.jsonl", judged)
            table = metrics.measure(run, seed, judged)
            csv_table.write(root / f"metrics/runs/{name}.csv", metrics.COLUMNS, table)
            if seed is not None and run not in ENDS:
                write_curve(root / f"metrics/train/{name}.csv", seed)
    for pool, samples in (("reset", 7), ("reset_s", 14)):
        for seed in seeds:
            io.write(root / f"data/candidates/{pool}_{seed}.jsonl", candidates(rows, samples, seed))
    write_counts(root)


def evaluation(prompts: int) -> list[Row]:
    return [
        prompt(name, task, seen, i) for name, (task, seen) in SETS.items() for i in range(prompts)
    ]


def prompt(name: str, task: str, seen: bool, i: int) -> Row:
    question = f"what does person {i} eat ?" if task.endswith("qa") else ""
    context = (
        [f"person {i} eats fish .", f"person {i + 1} plays the <drum> & sings ."]
        if task != "instruction"
        else []
    )
    asked = {"instruction": f"tell me three facts about person {i}"}.get(
        task, "answer from the given passages"
    )
    return {
        "id": f"{name}:{i}",
        "dataset": name,
        "task": task,
        "instruction": asked,
        "question": question,
        "context": context,
        "references": ["fish"],
        "prompt": f"{asked} {question}",
        "target": "fish",
        "seen": seen,
    }


def answers(rows: Sequence[Row], run: str, seed: int | None) -> list[Row]:
    chance = random.Random(f"{run}:{seed}")
    predictions: list[Row] = []
    verdicts: dict[str, list[Row]] = {judge: [] for judge in tasks.JUDGES}
    instruction, faithful, task, tokens = LEVELS[run]
    for row in rows:
        length = max(0, round(chance.gauss(tokens, 3)))
        text = " ".join(chance.choices(["person", "eats", "fish", "bread", "sings"], k=length))
        finish = "length" if length > tokens + 5 else "eos"
        predictions.append(
            {"id": row["id"], "sample": 0, "text": text, "tokens": length, "finish": finish}
        )
        kinds = MEASURES.get(row["task"], ("rouge_l", "summac_zs"))
        if row["task"] == "instruction":
            score = min(1.0, max(0.1, round(chance.gauss(instruction, 0.1), 1)))
            ratings = [round(score * 10), round(score * 10), max(1, round(score * 10) - length % 2)]
            verdict = {
                "id": row["id"],
                "sample": 0,
                "metric": kinds[0],
                "score": score,
                "ratings": ratings,
            }
            verdicts["instruction"].append(verdict)
        else:
            for judge, kind, level in (
                ("task", kinds[0], task),
                ("faithfulness", kinds[1], faithful),
            ):
                score = float(chance.random() < level - 0.15 * (not row["seen"]))
                verdicts[judge].append(
                    {"id": row["id"], "sample": 0, "metric": kind, "score": score}
                )
    return metrics.answers(rows, predictions, verdicts, f"{run}_{seed}")


def candidates(rows: Sequence[Row], samples: int, seed: int) -> list[Row]:
    chance = random.Random(f"candidates:{samples}:{seed}")
    result = []
    for row in rows:
        found = [candidate(row, sample, chance) for sample in range(samples)]
        best = max(found, key=lambda c: (c["score"], -c["sample"]))
        best["winner"] = True
        kept = {
            key: row[key]
            for key in ("id", "dataset", "task", "instruction", "question", "context", "prompt")
        }
        result.append({**kept, "reference": row["target"], "candidates": found})
    return result


def candidate(row: Row, sample: int, chance: random.Random) -> Row:
    warm = {"temperature": round(0.1 * (sample % 7 + 1), 1), "top_k": None}
    setting = warm if sample < 7 else {"temperature": 1.0, "top_k": 10 * sample}
    text = f"person {sample} eats " + chance.choice(
        ["fish .", "bread .", "<script>alert(1)</script>", ""]
    )
    is_instruction = row["task"] == "instruction"
    scores: Row = {
        "s_task": 0.0 if is_instruction else chance.choice([0.0, 0.5, 1.0]),
        "s_faithfulness": None if is_instruction else chance.choice([0.0, 1.0]),
        "s_instruction": chance.choice([0.2, 0.5, 0.9]) if is_instruction else None,
    }
    score = scores["s_task"] + 2.0 * (scores["s_instruction"] or scores["s_faithfulness"] or 0.0)
    return {
        "sample": sample,
        "setting": setting,
        "text": text,
        **scores,
        "score": score,
        "winner": False,
    }


def write_curve(path: Path, seed: int) -> None:
    columns = ("step", "epoch", "loss", "eval_loss", "learning_rate", "grad_norm")
    rows = [
        {
            "step": step,
            "epoch": step / 200,
            "loss": 3 / (1 + step / 60) + 0.02 * seed,
            "learning_rate": 1e-3,
            "eval_loss": 3.1 / (1 + step / 70) if step % 50 == 0 else None,
            "grad_norm": 1.0,
        }
        for step in range(10, 201, 10)
    ]
    csv_table.write(path, columns, rows)


def write_counts(root: Path) -> None:
    """What filter, template, evaluation_set and mix count of each data set, and what calibrate
    measures.
    """
    dropped = {"gold answer in no passage": 31, "empty question": 2}
    words = {"dropped": {}, "cut": 3, "cut_share": 0.01, "prompt_words": 61.5, "target_words": 4.0}
    duplicate = "duplicate of another training row"
    evaluated, mixed = {}, {}
    for name, (task, seen) in SETS.items():
        rows = 300 if seen else 0
        filtered = {"dataset": name, "task": task, "read": 400, "dropped": dropped, "passed": 367}
        io.write_json(
            root / f"metrics/data/{name}.json",
            filtered | {"train": rows, "eval": 60, "not_needed": 307 - rows},
        )
        parts = {
            "train": {"read": rows, "kept": rows, **words},
            "eval": {"read": 60, "kept": 60, **words},
        }
        io.write_json(root / f"metrics/prompts/{name}.json", parts)
        evaluated[name] = {"read": 60, "seen_in_training": 4, "kept": 50}
        if seen:
            mixed[name] = {"read": 300, duplicate: 10, "dev": 30, "train": 260, "trained": 520}
    io.write_json(root / "metrics/evaluation_set.json", evaluated)
    io.write_json(root / "metrics/mixes/mtl.json", mixed)
    labelled = {
        "set": "demo world, other people",
        "measure": "accuracy",
        "value": 0.97,
        "chance": 0.34,
        "n": 2000,
    }
    nli = {
        "model": {"source": "toy", "id": None, "revision": None},
        "sets": [labelled],
        "reason": None,
    }
    io.write_json(root / "metrics/calibration.json", {"nli": nli})


def write_params(root: Path, seeds: Sequence[int] = (0, 1, 2), samples: int = 30) -> None:
    """The params.yaml, its reference and the dvc.yaml that the report stage asks for."""
    values = {
        "seeds": list(seeds),
        "runs": ASKED,
        "data": {"datasets": {name: {"source": "published"} for name in SETS}},
        "report": {"samples": samples, "draws": 200, "seed": 0},
    }
    for path in ("params.yaml", "profiles/paper.yaml"):  # JSON is YAML
        io.write_text(root / path, json.dumps(values))
    shown = [f"report.{name}" for name in results.ReportSettings.__annotations__]
    stage = {
        "report": {
            "cmd": "python stages/report.py",
            "params": ["seeds", *shown, "data.datasets", "runs"],
        }
    }
    io.write_text(root / "dvc.yaml", json.dumps({"stages": stage}))

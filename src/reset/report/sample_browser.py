"""Which prompts the page's sample browser shows, and what it shows of each."""

import random
from collections.abc import Iterable, Mapping, Sequence

from reset.core.io import Row
from reset.report import runs

PROMPT = ("id", "dataset", "task", "instruction", "question", "context")
SCORES = ("s_task", "s_faithfulness", "s_instruction")  # in the order that page.js expects


def pick(ids: Mapping[str, str], count: int, seed: int) -> set[str]:
    """`count` of the ids, evenly over the data sets that they map to; all where there are no more.
    Same seed, same ids.

    A data set with too few leaves its places to the others.
    """
    by_dataset: dict[str, list[str]] = {}
    for id, dataset in ids.items():
        by_dataset.setdefault(dataset, []).append(id)
    queues = []
    for dataset in sorted(by_dataset):
        queue = sorted(by_dataset[dataset])
        random.Random(f"{seed}:{dataset}").shuffle(queue)
        queues.append(queue)
    chosen: set[str] = set()
    while len(chosen) < min(count, len(ids)):
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.add(queue.pop())
    return chosen


def pool(rows: Iterable[Row]) -> list[Row]:
    """Rows of data/candidates as the page holds them: the prompt, the reference, one entry a
    candidate.
    """
    shown = []
    for row in rows:
        answers = []
        for candidate in row["candidates"]:
            name = label(candidate["setting"])
            answers.append(_answer(name, candidate, candidate["score"], candidate["winner"]))
        shown.append(_prompt(row, row["reference"], answers))
    return shown


def evaluation(
    prompts: Sequence[Row], answers: Mapping[str, Mapping[str, Row]], chosen: set[str]
) -> list[Row]:
    """The chosen evaluation prompts with the greedy answer of every run; `answers` maps run and id
    to rows of data/answers.
    """
    shown = []
    for prompt in prompts:
        id = prompt["id"]
        if id in chosen:
            present = [run for run in runs.ordered(answers) if id in answers[run]]
            entries = [_answer(run, answers[run][id]) for run in present]
            shown.append(_prompt(prompt, prompt["target"], entries))
    return shown


def label(setting: Row) -> str:
    """A setting in words: `greedy`, `reference`, `temperature 0.3`, or `top-k 50`, with its
    temperature unless 1.
    """
    for name in ("greedy", "reference"):
        if setting.get(name):
            return name
    temperature, top_k = setting["temperature"], setting.get("top_k")
    if not top_k:
        return f"temperature {temperature:g}"
    return f"top-k {top_k}" + (f", temperature {temperature:g}" if temperature != 1 else "")


def _prompt(row: Row, reference: str, answers: Sequence[Row]) -> Row:
    shown = {column: row[column] for column in PROMPT}
    return {**shown, "reference": reference, "answers": answers}


def _answer(name: str, row: Row, total: float | None = None, winner: bool = False) -> Row:
    return {
        "label": name,
        "text": row["text"],
        "scores": [_short(row[column]) for column in SCORES],
        "total": _short(total),
        "winner": winner,
    }


def _short(score: float | None) -> float | None:
    return None if score is None else round(score, 4)

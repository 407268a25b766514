"""Which prompts the page's sample browser shows, and what it shows of each."""

import random
from collections.abc import Iterable, Mapping, Sequence

from reset.core.io import Row
from reset.report import runs

PROMPT = ("id", "dataset", "task", "instruction", "question", "context")


def pick(ids: Mapping[str, str], count: int, seed: int) -> set[str]:
    """`count` of the ids, evenly over the data sets that they map to; all where there are no more.
    Same seed, same ids.

    A set with too few leaves its places to the others.
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
    return [
        {
            **{column: row[column] for column in PROMPT},
            "reference": row["reference"],
            "answers": [
                {
                    "label": label(candidate["setting"]),
                    "text": candidate["text"],
                    "scores": [
                        _short(candidate[key])
                        for key in ("s_task", "s_faithfulness", "s_instruction")
                    ],
                    "total": _short(candidate["score"]),
                    "winner": candidate["winner"],
                }
                for candidate in row["candidates"]
            ],
        }
        for row in rows
    ]


def evaluation(
    prompts: Sequence[Row], answers: Mapping[str, Mapping[str, Row]], chosen: set[str]
) -> list[Row]:
    """The chosen evaluation prompts with the greedy answer of every run; `answers` maps run and id
    to data/answers.
    """
    return [
        {
            **{column: prompt[column] for column in PROMPT},
            "reference": prompt["target"],
            "answers": [
                {
                    "label": run,
                    "text": answers[run][prompt["id"]]["text"],
                    "scores": [_short(answers[run][prompt["id"]][f"s_{key}"]) for key in JUDGES],
                    "total": None,
                    "winner": False,
                }
                for run in runs.ordered(answers)
                if prompt["id"] in answers[run]
            ],
        }
        for prompt in prompts
        if prompt["id"] in chosen
    ]


JUDGES = ("task", "faithfulness", "instruction")


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


def _short(score: float | None) -> float | None:
    return None if score is None else round(score, 4)

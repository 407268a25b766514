"""The table of the data: rows read, dropped by reason and kept, words, and what was cut, by data
set.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.core.io import Row

PARTS = ("train", "eval")
SIZES = ("read", "dev", "train", "trained")  # a mix's other keys are reasons to drop a row


def load(datasets: Sequence[str]) -> dict[str, Row]:
    """The statistics of each data set, from what filter, template, evaluation_set and mix counted;
    InputError where a count is missing. The mix is `mtl`, which holds all training sets.
    """
    evaluated = read_json(Path("metrics/evaluation_set.json"))
    mixed = read_json(Path("metrics/mixes/mtl.json"))
    found = {}
    for name in datasets:
        counts = Counts(
            filtered=read_json(Path(f"metrics/data/{name}.json")),
            prompted=read_json(Path(f"metrics/prompts/{name}.json")),
            evaluated=evaluated.get(name, {"read": 0, "seen_in_training": 0, "kept": 0}),
            mixed=mixed.get(name, dict.fromkeys(SIZES, 0)),
        )
        try:
            found[name] = statistics(counts)
        except KeyError as error:
            raise InputError(
                f"metrics/: no {error} in the counts of data set '{name}'; run `dvc repro`"
            ) from None
    return found


@dataclass(frozen=True)
class Counts:
    """What four stages counted of one data set."""

    filtered: Row
    prompted: Row  # by part: train and eval
    evaluated: Row
    mixed: Row


def statistics(counts: Counts) -> Row:
    """One data set: rows read, dropped by reason in the order of the stages, not needed (left out
    by a cap), and kept for training, dev and evaluation, which add up; mean words of prompt and
    target over all rendered rows (None for no row), the share of rows that were over-long (cut or
    dropped for it) and the share that was cut.
    """
    filtered, evaluated, mixed = counts.filtered, counts.evaluated, counts.mixed
    parts = [counts.prompted[part] for part in PARTS]
    left_out = evaluated["read"] - evaluated["seen_in_training"] - evaluated["kept"]
    read = sum(part["read"] for part in parts)
    cut = sum(part["cut"] for part in parts)
    overlong = cut + sum(sum(part["dropped"].values()) for part in parts)
    return {
        "read": filtered["read"],
        "dropped": _dropped(counts),
        "not_needed": filtered["not_needed"] + left_out,
        "train": mixed["train"],
        "dev": mixed["dev"],
        "eval": evaluated["kept"],
        "prompt_words": _mean_words(parts, "prompt_words"),
        "target_words": _mean_words(parts, "target_words"),
        "overlong_share": round(overlong / read, 4) if read else None,
        "cut_share": round(cut / read, 4) if read else None,
    }


def _dropped(counts: Counts) -> dict[str, int]:
    """Rows dropped by each reason that applied to some."""
    dropped: Counter[str] = Counter(counts.filtered["dropped"])
    for part in PARTS:
        dropped.update(counts.prompted[part]["dropped"])
    for reason, count in counts.mixed.items():
        if reason not in SIZES:
            dropped[reason] = count
    dropped["evaluation row seen in training"] = counts.evaluated["seen_in_training"]
    return {reason: count for reason, count in dropped.items() if count}


def _mean_words(parts: Sequence[Row], key: str) -> float | None:
    kept = sum(part["kept"] for part in parts)
    words = sum(part[key] * part["kept"] for part in parts)
    return round(words / kept, 1) if kept else None


def read_json(path: Path) -> Any:
    """What a JSON file below metrics/ holds; InputError where it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); run `dvc repro`") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); run `dvc repro`") from None

"""The table of the data: rows read, dropped by reason and kept, words, and what was cut, by data
set.
"""

import json
from collections import Counter
from collections.abc import Sequence
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
        counts = (
            read_json(Path(f"metrics/data/{name}.json")),
            read_json(Path(f"metrics/prompts/{name}.json")),
            evaluated.get(name, {"read": 0, "seen_in_training": 0, "kept": 0}),
            mixed.get(name, dict.fromkeys(SIZES, 0)),
        )
        try:
            found[name] = statistics(*counts)
        except KeyError as error:
            raise InputError(
                f"metrics/: no {error} in the counts of data set '{name}'; run `dvc repro`"
            ) from None
    return found


def statistics(filtered: Row, prompted: Row, evaluated: Row, mixed: Row) -> Row:
    """One data set, from what four stages counted of it (`prompted` by part): rows read, dropped by
    reason in the order of the stages, not needed (left out by a cap), and kept for training, dev
    and evaluation, which add up; mean words of prompt and target over all rendered rows (None for
    no row), the share of rows that were over-long (cut or dropped for it) and the share that was
    cut.
    """
    parts = [prompted[part] for part in PARTS]
    left_out = evaluated["read"] - evaluated["seen_in_training"] - evaluated["kept"]
    read = sum(part["read"] for part in parts)
    cut = sum(part["cut"] for part in parts)
    overlong = cut + sum(sum(part["dropped"].values()) for part in parts)
    return {
        "read": filtered["read"],
        "dropped": _dropped(filtered, prompted, evaluated, mixed),
        "not_needed": filtered["not_needed"] + left_out,
        "train": mixed["train"],
        "dev": mixed["dev"],
        "eval": evaluated["kept"],
        "prompt_words": _mean_words(parts, "prompt_words"),
        "target_words": _mean_words(parts, "target_words"),
        "overlong_share": round(overlong / read, 4) if read else None,
        "cut_share": round(cut / read, 4) if read else None,
    }


def _dropped(filtered: Row, prompted: Row, evaluated: Row, mixed: Row) -> dict[str, int]:
    """Rows dropped by each reason that applied to some."""
    dropped: Counter[str] = Counter(filtered["dropped"])
    for part in PARTS:
        dropped.update(prompted[part]["dropped"])
    for reason, count in mixed.items():
        if reason not in SIZES:
            dropped[reason] = count
    dropped["evaluation row seen in training"] = evaluated["seen_in_training"]
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

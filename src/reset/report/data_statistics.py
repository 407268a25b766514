"""The table of the data: rows read, dropped by reason and kept, words, and what was cut, by data
set.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.core.io import Row

PARTS = ("train", "eval")
SIZES = (
    "read",
    "dev",
    "train",
    "trained",
)  # counts of a mix; its other keys are reasons to drop a row


def load(datasets: Sequence[str]) -> dict[str, Row]:
    """The statistics of each data set, from what filter, template, evaluation_set and mix counted;
    InputError where a count is missing. The mix is `mtl`, which holds all training sets.
    """
    evaluated, mixed = (
        read_json(Path("metrics/evaluation_set.json")),
        read_json(Path("metrics/mixes/mtl.json")),
    )
    return {
        name: of_set(
            name,
            read_json(Path(f"metrics/data/{name}.json")),
            read_json(Path(f"metrics/prompts/{name}.json")),
            evaluated.get(name, {"read": 0, "seen_in_training": 0, "kept": 0}),
            mixed.get(name, {size: 0 for size in SIZES}),
        )
        for name in datasets
    }


def of_set(name: str, filtered: Row, prompted: Row, evaluated: Row, mixed: Row) -> Row:
    """One data set: rows read, dropped by reason in the order of the stages, not needed (left out
    by a cap), and kept for training, dev and evaluation, which add up; mean words of prompt and
    target over all rendered rows (None for no row), the share of rows that were over-long (cut or
    dropped for it) and the share that was cut.
    """
    try:
        dropped = dict(filtered["dropped"])
        for part in PARTS:
            for reason, count in prompted[part]["dropped"].items():
                dropped[reason] = dropped.get(reason, 0) + count
        dropped |= {reason: count for reason, count in mixed.items() if reason not in SIZES}
        dropped["evaluation row seen in training"] = evaluated["seen_in_training"]
        not_needed = (
            filtered["not_needed"]
            + evaluated["read"]
            - evaluated["seen_in_training"]
            - evaluated["kept"]
        )
        kept = [prompted[part]["kept"] for part in PARTS]
        read = sum(prompted[part]["read"] for part in PARTS)
        cut = sum(prompted[part]["cut"] for part in PARTS)
        overlong = cut + sum(sum(prompted[part]["dropped"].values()) for part in PARTS)
        words = {
            key: (
                round(
                    sum(prompted[part][key] * n for part, n in zip(PARTS, kept, strict=True))
                    / sum(kept),
                    1,
                )
                if sum(kept)
                else None
            )
            for key in ("prompt_words", "target_words")
        }
        return {
            "read": filtered["read"],
            "dropped": {reason: count for reason, count in dropped.items() if count},
            "not_needed": not_needed,
            "train": mixed["train"],
            "dev": mixed["dev"],
            "eval": evaluated["kept"],
            **words,
            "overlong_share": round(overlong / read, 4) if read else None,
            "cut_share": round(cut / read, 4) if read else None,
        }
    except KeyError as error:
        raise InputError(
            f"metrics/: no {error} in the counts of data set '{name}'; run `dvc repro`"
        ) from None


def read_json(path: Path) -> Any:
    """What a JSON file below metrics/ holds; InputError where it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); run `dvc repro`") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); run `dvc repro`") from None

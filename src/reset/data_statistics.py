"""The table of the data: rows read, dropped by reason and kept, words, and what was cut, by data set."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reset.errors import InputError
from reset.records import Row

PARTS = ("train", "eval")


def load(datasets: Sequence[str]) -> dict[str, Row]:
    """The statistics of each data set, from metrics/data and metrics/prompts; InputError where a count is missing."""
    return {name: of_set(name, _read("data", name), _read("prompts", name)) for name in datasets}


def of_set(name: str, filtered: Row, prompted: Row) -> Row:
    """One data set: rows read, dropped (filters first, then over-long rows), not needed, kept for training and
    evaluation; mean words of prompt and target over the kept rows (None for no row), share of prompts cut.
    """
    try:
        dropped = dict(filtered["dropped"])
        for part in PARTS:
            for reason, count in prompted[part]["dropped"].items():
                dropped[reason] = dropped.get(reason, 0) + count
        kept = {part: prompted[part]["kept"] for part in PARTS}
        rows, offered = sum(kept.values()), sum(prompted[part]["read"] for part in PARTS)
        words = {
            key: round(sum(prompted[part][key] * kept[part] for part in PARTS) / rows, 1) if rows else None
            for key in ("prompt_words", "target_words")
        }
        cut = sum(prompted[part]["cut"] for part in PARTS)
        counts = {"read": filtered["read"], "dropped": dropped, "not_needed": filtered["not_needed"], **kept}
        return {**counts, **words, "cut_share": round(cut / offered, 4) if offered else None}
    except KeyError as error:
        raise InputError(f"metrics/data or metrics/prompts, {name}.json: no {error}; run `dvc repro`") from None


def _read(folder: str, name: str) -> Any:
    path = Path("metrics") / folder / f"{name}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); run `dvc repro`") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); run `dvc repro`") from None

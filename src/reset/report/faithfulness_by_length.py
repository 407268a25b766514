"""Faithfulness by length of the answer: is an answer less faithful because it is longer?"""

from collections.abc import Mapping, Sequence

from reset.core.io import Row
from reset.report.aggregate import Seed

Classes = dict[int, list[float]]


def faithfulness(answers: Mapping[str, Mapping[Seed, Sequence[Row]]]) -> dict[str, Classes]:
    """The faithfulness scores (0 to 1) of each run by class of length, shortest class first, over
    all seeds and sets.

    `answers` maps run and seed to rows with tokens and s_faithfulness; answers without a score are
    left out. Class 0 holds answers without a token, and class k those of 2^(k-1) to 2^k - 1 tokens:
    classes that double serve answers of two words and of two pages (our assumption).
    """
    found: dict[str, Classes] = {}
    for run, by_seed in answers.items():
        classes: Classes = {}
        for row in (row for rows in by_seed.values() for row in rows):
            if row["s_faithfulness"] is not None:
                classes.setdefault(row["tokens"].bit_length(), []).append(row["s_faithfulness"])
        found[run] = dict(sorted(classes.items()))
    return found


def name(number: int) -> str:
    """The tokens of a class: `0`, `1`, `2–3`, `4–7`, …"""
    low, high = 2**number // 2, 2**number - 1
    return str(low) if low == high else f"{low}–{high}"

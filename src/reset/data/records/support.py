"""How far the contexts of a user's free-text rows support their references: counted and reported,
never a reason to drop a row.
"""

from collections.abc import Iterable
from pathlib import Path

from reset.core import io
from reset.core.io import Row
from reset.text import overlap

# extractive answers stand in a passage, by their filter
TASKS = ("abstractive_qa", "summarization")
LITTLE = 0.5  # a reference shares little wording if less than this share of it is in the context


def of_folder(folder: Path) -> Row:
    """`of_rows` for the train.jsonl and eval.jsonl of a filtered data set."""
    return of_rows(row for part in ("train", "eval") for row in io.stream(folder / f"{part}.jsonl"))


def of_rows(rows: Iterable[Row]) -> Row:
    """How many of the rows kept have a first reference whose words (K-Precision, 0 to 1) are found
    in the context for less than LITTLE: {"rows", "below", "little_support", "share" or null}.
    """
    count = little = 0
    for row in rows:
        count += 1
        # not `k_precision`, which keeps the words of ten thousand contexts in memory
        known = overlap.word_counts(row["context"])
        little += overlap.precision(row["references"][0], known) < LITTLE
    share = round(little / count, 4) if count else None
    return {"rows": count, "below": LITTLE, "little_support": little, "share": share}

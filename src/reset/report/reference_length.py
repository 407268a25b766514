"""Scores by the length of the answer beside its reference: is a long answer less faithful, or a
worse reply?

The paper sets apart generations strictly shorter than the gold answer, and those more than 100
tokens longer. A token is a word here (`words` and `reference_words` of data/answers): the runs that
are compared may have other tokenizers.
"""

from collections.abc import Mapping, Sequence

from reset.core.io import Row
from reset.report.aggregate import Seed

MUCH = 100
SHORTER = "shorter than the reference"
SIMILAR = f"up to {MUCH} words longer"
LONGER = f"more than {MUCH} words longer"
CLASSES = (SHORTER, SIMILAR, LONGER)
ABSTRACTIVE = ("abstractive_qa", "summarization")
SCORES = {"faithfulness": ABSTRACTIVE, "instruction": ("instruction",)}  # judge: tasks
ByLength = dict[str, dict[str, list[float]]]  # class: run: scores


def collect(answers: Mapping[str, Mapping[Seed, Sequence[Row]]]) -> dict[str, ByLength]:
    """The faithfulness scores of abstractive sets and the instruction scores (0 to 1) by class of
    length and run, over all seeds.

    `answers` maps run and seed to rows with task, words, reference_words and the scores; answers
    without a score or a reference are left out.
    """
    found: dict[str, ByLength] = {}
    for judge in SCORES:
        found[judge] = {name: {} for name in CLASSES}
    for run, by_seed in answers.items():
        for rows in by_seed.values():
            for row in rows:
                _add(row, run, found)
    return found


def _add(row: Row, run: str, found: dict[str, ByLength]) -> None:
    for judge, tasks in SCORES.items():
        score = row[f"s_{judge}"]
        if row["task"] in tasks and score is not None and row["reference_words"]:
            name = length_class(row["words"], row["reference_words"])
            found[judge][name].setdefault(run, []).append(score)


def length_class(words: int, reference: int) -> str:
    """The class of an answer of so many words beside a reference of so many."""
    if words < reference:
        return SHORTER
    return LONGER if words > reference + MUCH else SIMILAR

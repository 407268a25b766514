"""Training mixtures: rows of several data sets, cleaned, with a dev part and exact up-sampling."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reset.core import io
from reset.core.errors import InputError
from reset.core.hashing import order
from reset.core.io import Row
from reset.core.params import Count
from reset.core.tasks import group
from reset.data.mixes.decontamination import EvaluationText, fingerprint
from reset.data.sources.dataset_config import DataSet

MIXES = {
    "context": ("extractive_qa", "abstractive_qa", "summarization"),
    "instruction": ("instruction",),
    "mtl": ("extractive_qa", "abstractive_qa", "summarization", "instruction"),
}
DUPLICATE, CONTAMINATED = "duplicate of another training row", "shares words with an evaluation row"
REASONS = (DUPLICATE, CONTAMINATED)
COUNTED = ("read", DUPLICATE, CONTAMINATED, "dev", "train", "trained")


@dataclass(frozen=True)
class MixSettings:
    """`ngram`: words in a row that a training row must not share with an evaluation row; `dev`:
    rows of each set that choose the checkpoint; `seed`: which rows those are.
    """

    ngram: Count
    dev: Count
    seed: int


@dataclass
class Mixture:
    """How often each row trains in an epoch (by id), which rows are for choosing the checkpoint,
    and counts.
    """

    copies: dict[str, int] = field(default_factory=dict)
    dev: set[str] = field(default_factory=set)
    counts: dict[str, Row] = field(default_factory=dict)


def task(path: Path, name: str) -> str:
    """The task of a data set that trains, from its first prompt; InputError if there is none."""
    for row in io.stream(path):
        return row["task"]
    raise InputError(f"{path}: no training row; set data.datasets.{name}.train to 0")


def data_sets(mix: str, tasks: Mapping[str, str], chosen: Mapping[str, DataSet]) -> list[str]:
    """The data sets that train in a mix, in the order of params.yaml; InputError without one."""
    if mix not in MIXES:
        raise InputError(f"dvc.yaml: mix '{mix}' is unknown; known: {', '.join(MIXES)}")
    names = [
        name for name, settings in chosen.items() if settings.trains and tasks[name] in MIXES[mix]
    ]
    if not names:
        raise InputError(f"params.yaml: no data set of 'data.datasets' trains in the mix '{mix}'")
    return names


def plan(rows: Iterable[Row], evaluation: EvaluationText, dev: int, seed: int) -> Mixture:
    """Decide what becomes of each training row.

    Dropped: exact duplicates (prompt and target equal but for case and spaces; the first stays) and
    rows that share an n-gram with an evaluation row. The four instruction sets count as one (our
    reading of the paper); every other set is one. `dev` rows of each are set aside. All are
    up-sampled to exactly the size of the largest (paper).
    """
    mixture = Mixture()
    groups = _clean(rows, evaluation, mixture.counts)
    for name, ids in groups.items():
        if len(ids) <= dev:
            raise InputError(
                f"params.yaml: 'data.dev' is {dev}, but '{name}' has {len(ids)} training rows in"
                " all; fewer for dev or more to train on"
            )
        ids.sort(key=lambda key: order(seed, f"dev:{key}"))
        mixture.dev.update(ids[:dev])
    largest = max(map(len, groups.values())) - dev
    for ids in groups.values():
        mixture.copies.update(copies(ids[dev:], largest))
    _count(mixture)
    return mixture


def _clean(
    rows: Iterable[Row], evaluation: EvaluationText, counts: dict[str, Row]
) -> dict[str, list[str]]:
    """The ids of the rows that stay, by group; what is dropped is added to `counts`, by data
    set.
    """
    groups: dict[str, list[str]] = {}
    met: set[int] = set()
    for row in rows:
        count = counts.setdefault(row["dataset"], dict.fromkeys(COUNTED, 0))
        count["read"] += 1
        content = fingerprint(row["prompt"], row["target"])
        if content in met:
            count[DUPLICATE] += 1
        elif evaluation.shares(row):
            count[CONTAMINATED] += 1
        else:
            groups.setdefault(group(row), []).append(row["id"])
        met.add(content)
    for name, count in counts.items():
        if count["read"] == count[DUPLICATE] + count[CONTAMINATED]:
            words = ", ".join(f"{rows} {reason}" for reason, rows in count.items() if rows)
            raise InputError(
                f"data set '{name}' has no training row left: {words}; give rows with"
                " other passages, or a column 'split' that keeps a document's rows together"
            )
    return groups


def _count(mixture: Mixture) -> None:
    """Count the rows to train on, how often they are trained on, and the dev rows."""
    for key in mixture.dev:
        mixture.counts[data_set(key)]["dev"] += 1
    for key, times in mixture.copies.items():
        mixture.counts[data_set(key)]["train"] += 1
        mixture.counts[data_set(key)]["trained"] += times


def data_set(key: str) -> str:
    """The data set that a row's id begins with."""
    return key.partition(":")[0]


def copies(ids: list[str], size: int) -> dict[str, int]:
    """How often each id is taken so that all together make `size`: counts differ by one at most."""
    times, extra = divmod(size, len(ids))
    return {key: times + (position < extra) for position, key in enumerate(ids)}


def train_rows(rows: Iterable[Row], mixture: Mixture) -> Iterator[Row]:
    """The rows to train on, each with the column `copies`."""
    return (
        row | {"copies": mixture.copies[row["id"]]} for row in rows if row["id"] in mixture.copies
    )


def dev_rows(rows: Iterable[Row], mixture: Mixture) -> Iterator[Row]:
    """The rows to choose the checkpoint on."""
    return (row | {"copies": 1} for row in rows if row["id"] in mixture.dev)

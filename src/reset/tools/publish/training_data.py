"""Which data sets went into an output, and where they are published, by dvc.lock and the counts of
the mixes.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from reset.core.errors import InputError
from reset.data.sources.origins import ORIGINS, Hub
from reset.tools.publish.lockfile import Lock


def training_sets(lock: Lock, path: str) -> dict[str, str | None]:
    """The data sets that the output `path` was trained on or sampled from, each with its address
    on the hub, None where it is not from there.

    They are those of the mixes that lead to it, which metrics/mixes counts.
    """
    stages = {name for name, _ in lock.upstream(path)}
    mixes = sorted(name.partition("@")[2] for name in stages if name.startswith("mix@"))
    names: set[str] = set()
    for mix in mixes:
        counted = _counts(Path(f"metrics/mixes/{mix}.json"))
        names |= {name for name, counts in counted.items() if counts["trained"]}
    return {name: hub_id(lock, name) for name in sorted(names)}


def hub_id(lock: Lock, dataset: str) -> str | None:
    """The hub's repository of a data set that was fetched; None for the demo world's, for files
    and for what is published elsewhere.
    """
    read = lock.params(f"data/raw/{dataset}.jsonl")
    source = read[f"data.datasets.{dataset}.source"]
    if isinstance(source, Mapping):
        return source.get("hub")
    origin = ORIGINS[dataset]
    if read["data.mirror"] == "toy" or not isinstance(origin, Hub):
        return None
    return origin.id


def hub_ids(sets: Mapping[str, str | None]) -> list[str]:
    """The addresses of the data sets that have one, each once."""
    return sorted({address for address in sets.values() if address})


def sentence(sets: Mapping[str, str | None]) -> str:
    """The data sets and their addresses in one line."""
    named = [f"{name} ({address})" if address else name for name, address in sets.items()]
    return ", ".join(named) or "none"


def _counts(path: Path) -> Mapping[str, Mapping[str, int]]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); run `dvc repro`") from None

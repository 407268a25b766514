"""The user's choice of data sets (params: data.datasets): where each comes from and how many rows
it gives.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from reset.core import params
from reset.core.errors import InputError
from reset.core.params import Natural
from reset.core.tasks import TASKS

SPLITS = {"train": "train"}  # of a user's data set on the hub, unless `splits` says otherwise


@dataclass(frozen=True)
class OwnSource:
    """A user's own rows: a file (`path`), or a data set of the hub (`hub`: owner/name).

    `columns` maps what the task reads (reset.data.datasets.custom) to the columns of the source.
    `config`, `revision` and `splits` ({train: name, eval: name}, either may be missing) say what of
    a hub data set is taken.
    """

    task: str
    columns: dict[str, str]
    path: str | None = None
    hub: str | None = None
    config: str | None = None
    revision: str | None = None
    splits: dict[str, str] | None = None


@dataclass(frozen=True)
class DataSet:
    """`train` and `eval`: at most so many rows of each kind; None: all; 0: not used so.
    `retrieval`: where the contexts of this set come from; None: as `data.retrieval` says, and for
    own rows published.
    """

    source: Any
    train: Natural | None
    eval: Natural | None
    retrieval: Literal["published", "bm25"] | None = None

    @property
    def trains(self) -> bool:
        return self.train != 0


def chosen(name: str, section: Mapping[str, Any]) -> DataSet:
    """The settings of one data set, checked: a known task, sizes of zero or more, at least one of
    them not zero.
    """
    where = f"data.datasets.{name}"
    settings = params.build(DataSet, section, where)
    own_source(name, settings.source)
    if settings.train == 0 and settings.eval == 0:
        raise InputError(
            f"params.yaml: '{where}' has train: 0 and eval: 0; leave the data set out instead"
        )
    return settings


def own_source(name: str, source: Any) -> OwnSource | None:
    """The user's rows that `source` describes, or None for a published data set."""
    where = f"data.datasets.{name}.source"
    if source == "published":
        return None
    if not isinstance(source, Mapping):
        raise InputError(
            f"params.yaml: '{where}': expected published or {{path, task, columns}}, got {source!r}"
        )
    own = params.build(OwnSource, source, where)
    if own.task not in TASKS:
        raise InputError(
            f"params.yaml: '{where}.task': expected one of {', '.join(TASKS)}, got {own.task!r}"
        )
    _check_place(own, where)
    return own


def _check_place(own: OwnSource, where: str) -> None:
    if (own.path is None) == (own.hub is None):
        raise InputError(f"params.yaml: '{where}' must have either path or hub")
    for key in ("config", "revision", "splits"):
        if own.path is not None and getattr(own, key) is not None:
            raise InputError(f"params.yaml: '{where}.{key}' is for hub alone; leave it out")
    unknown = set(own.splits or SPLITS) - {"train", "eval"}
    if unknown or own.splits == {}:
        raise InputError(
            f"params.yaml: '{where}.splits': expected the hub's split names under train, eval or"
            f" both, got {own.splits}"
        )


def context_settings(
    sizes: DataSet, own: OwnSource | None, retrieval: str, passages: int
) -> dict[str, Any]:
    """`retrieval` and `passages` for one data set, from those of the section `data`.

    A user's own passages stay as they are, however many a row has, unless the data set itself asks
    for bm25.
    """
    if own is None:
        return {"retrieval": sizes.retrieval or retrieval, "passages": passages}
    if sizes.retrieval == "bm25":
        return {"retrieval": "bm25", "passages": passages}
    return {"retrieval": "published", "passages": sys.maxsize}

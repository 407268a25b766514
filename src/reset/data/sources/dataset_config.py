"""The user's choice of data sets (params: data.datasets): where each comes from and how many rows
it gives.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reset.core import params
from reset.core.errors import InputError
from reset.core.tasks import TASKS


@dataclass(frozen=True)
class OwnFile:
    """A user's own JSON Lines file. `columns` maps instruction, question, context, references, id
    to its columns.
    """

    path: str
    task: str
    columns: dict[str, str]


@dataclass(frozen=True)
class DataSet:
    """`train` and `eval`: at most so many rows of each kind; None: all; 0: not used so."""

    source: Any
    train: int | None
    eval: int | None

    @property
    def trains(self) -> bool:
        return self.train != 0


def chosen(name: str, section: Mapping[str, Any]) -> DataSet:
    """The settings of one data set, checked: a plain name (ids begin with it and a colon, and DVC's
    stages are called after it), a known task, sizes of zero or more, at least one of them not zero.
    """
    where = f"data.datasets.{name}"
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise InputError(
            f"params.yaml: '{where}' is no name for a data set; use a-z, 0-9 and _ alone"
        )
    settings = params.build(DataSet, section, where)
    own_file(name, settings.source)
    for key, size in (("train", settings.train), ("eval", settings.eval)):
        if size is not None and size < 0:
            raise InputError(
                f"params.yaml: '{where}.{key}' is {size}; zero or more, or null for all, is"
                " expected"
            )
    if settings.train == 0 and settings.eval == 0:
        raise InputError(
            f"params.yaml: '{where}' has train: 0 and eval: 0; leave the data set out instead"
        )
    return settings


def own_file(name: str, source: Any) -> OwnFile | None:
    """The user's file that `source` describes, or None for a published data set."""
    where = f"data.datasets.{name}.source"
    if source == "published":
        return None
    if not isinstance(source, Mapping):
        raise InputError(
            f"params.yaml: '{where}' is {source!r}; published or {{path, task, columns}} is"
            " expected"
        )
    file = params.build(OwnFile, source, where)
    if file.task not in TASKS:
        raise InputError(
            f"params.yaml: '{where}.task' is {file.task!r}; one of {', '.join(TASKS)} is expected"
        )
    return file

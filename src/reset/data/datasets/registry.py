"""The thirteen data sets by name. A new one is a file beside this one and a line here."""

from typing import Any

from reset.core.errors import InputError
from reset.data.datasets import (
    alpaca,
    bioasq,
    cnn_dailymail,
    dolly,
    koala_eval,
    ms_marco,
    nq,
    oasst1,
    searchqa,
    self_instruct,
    sharegpt,
    vicuna_eval,
    wikisum,
)
from reset.data.datasets.spec import DatasetSpec
from reset.data.sources.dataset_config import own_source

ENTRIES: dict[str, DatasetSpec] = {
    module.ENTRY.name: module.ENTRY
    for module in (
        dolly,
        sharegpt,
        self_instruct,
        oasst1,
        alpaca,
        vicuna_eval,
        koala_eval,
        nq,
        ms_marco,
        cnn_dailymail,
        bioasq,
        searchqa,
        wikisum,
    )
}


def task(name: str, source: Any) -> str:
    """The task of a data set of params.yaml by its `source`: what a user's own rows say, or what is
    known of a published set. InputError for a source that is neither.
    """
    own = own_source(name, source)
    return own.task if own else entry(name).task


def entry(name: str) -> DatasetSpec:
    """The entry of a published data set; InputError for a name that is none."""
    if name not in ENTRIES:
        raise InputError(
            f"params.yaml: 'data.datasets.{name}' is no published data set ({', '.join(ENTRIES)}); "
            "for your own rows give source: {path, task, columns}"
        )
    return ENTRIES[name]

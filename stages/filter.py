"""filter[dataset]: common records of one data set, by the paper's filters; every dropped row is
counted.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

from reset.core import io, params
from reset.core.errors import InputError, run_stage
from reset.data.datasets import custom, registry
from reset.data.records import build_records, retrieval, support
from reset.data.records.build_records import FilterSettings
from reset.data.sources import provenance
from reset.data.sources.dataset_config import chosen, context_settings, own_source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    dataset = parser.parse_args().dataset
    data = params.declared("filter", key=dataset).data
    settings = params.build(
        FilterSettings, {name: data[name] for name in FilterSettings.__annotations__}, "data"
    )
    sizes = chosen(dataset, data.datasets[dataset])
    own = own_source(dataset, sizes.source)
    entry = custom.entry(dataset, own) if own else registry.entry(dataset)
    contexts_from = context_settings(sizes, own, settings.retrieval, settings.passages)
    settings = dataclasses.replace(settings, **contexts_from)

    raw = Path("data/raw") / f"{dataset}.jsonl"
    folder = Path("data/filtered") / dataset
    if not raw.is_file():
        raise InputError(f"{raw}: no such file; run the stage fetch@{dataset}")
    with provenance.name_sources(raw, Path(f"metrics/sources/{dataset}.json")):
        contexts = retrieval.contexts(settings.retrieval, entry, raw, settings.passages)
        counts = build_records.filter_file(raw, folder, entry, sizes, settings, contexts)
    if own and own.task in support.TASKS:
        counts["support"] = found = support.of_folder(folder)
        print(
            f"filter {dataset}: {found['little_support']} of {found['rows']} references have less"
            f" than {found['below']:.0%} of their words in the context",
            file=sys.stderr,
        )
    io.write_json(f"metrics/data/{dataset}.json", counts)
    print(
        f"filter {dataset}: {counts['read']} read; {counts['train']} to train, {counts['eval']} to"
        f" evaluate, {counts['not_needed']} not needed; dropped: {build_records.reasons(counts)}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    run_stage(main)

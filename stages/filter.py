"""filter[dataset]: common records of one data set, by the paper's filters; every dropped row is
counted.
"""

import argparse
import sys
from pathlib import Path

from reset.core import io, params
from reset.core.errors import InputError, run_stage
from reset.data.datasets import custom, registry
from reset.data.records import build_records, retrieval
from reset.data.records.build_records import FilterSettings
from reset.data.sources import provenance
from reset.data.sources.dataset_config import chosen, own_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    dataset = parser.parse_args().dataset
    data = params.declared("filter", key=dataset).data
    settings = params.build(
        FilterSettings, {name: data[name] for name in FilterSettings.__annotations__}, "data"
    )
    sizes = chosen(dataset, data.datasets[dataset])
    file = own_file(dataset, sizes.source)
    entry = custom.entry(dataset, file) if file else registry.entry(dataset)

    raw = Path("data/raw") / f"{dataset}.jsonl"
    if not raw.is_file():
        raise InputError(f"{raw}: no such file; run the stage fetch@{dataset}")
    with provenance.name_sources(raw, Path(f"metrics/sources/{dataset}.json")):
        contexts = retrieval.contexts(settings.retrieval, entry, raw, settings.passages)
        counts = build_records.filter_file(
            raw, Path("data/filtered") / dataset, entry, sizes, settings, contexts
        )
    io.write_json(f"metrics/data/{dataset}.json", counts)
    dropped = (
        ", ".join(f"{count} {reason}" for reason, count in counts["dropped"].items()) or "none"
    )
    print(
        f"filter {dataset}: {counts['read']} read; {counts['train']} to train, {counts['eval']} to"
        f" evaluate, {counts['not_needed']} not needed; dropped: {dropped}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    run_stage(main)

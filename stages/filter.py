"""filter[dataset]: common records of one data set, by the paper's filters; every dropped row is counted."""

import argparse
import sys
from pathlib import Path

from reset import filtering, params, records, retrieval
from reset.datasets import chosen, own_file
from reset.errors import InputError, explain
from reset.filtering import Settings
from reset.published import own, registry
from reset.sources import places


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    dataset = parser.parse_args().dataset
    data = params.declared("filter", key=dataset).data
    settings = params.build(Settings, {name: data[name] for name in Settings.__annotations__}, "data")
    sizes = chosen(dataset, data.datasets[dataset])
    file = own_file(dataset, sizes.source)
    entry = own.entry(dataset, file) if file else registry.entry(dataset)

    raw = Path("data/raw") / f"{dataset}.jsonl"
    if not raw.is_file():
        raise InputError(f"{raw}: no such file; run the stage fetch@{dataset}")
    with places.named(raw, Path(f"metrics/sources/{dataset}.json")):
        contexts = retrieval.contexts(settings.retrieval, entry, raw, settings.passages)
        counts = filtering.filter_file(raw, Path("data/filtered") / dataset, entry, sizes, settings, contexts)
    records.write_json(f"metrics/data/{dataset}.json", counts)
    dropped = ", ".join(f"{count} {reason}" for reason, count in counts["dropped"].items()) or "none"
    print(
        f"filter {dataset}: {counts['read']} read; {counts['train']} to train, {counts['eval']} to evaluate, "
        f"{counts['not_needed']} not needed; dropped: {dropped}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    explain(main)

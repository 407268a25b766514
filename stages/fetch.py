"""fetch[dataset]: the published rows of one data set, untouched, and where they come from."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from reset import params, records
from reset.errors import explain
from reset.records import Row
from reset.sources import fetching, places


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    dataset = parser.parse_args().dataset
    data = params.declared("fetch", key=dataset).data

    found: list[Row] = []
    parts = fetching.parts(dataset, data.datasets[dataset].source, data.mirror, data.world)
    rows = tqdm(places.counted(parts, found), f"fetch {dataset}", unit=" rows", disable=None, mininterval=1)
    count = records.write(Path("data/raw") / f"{dataset}.jsonl", rows)
    records.write_json(f"metrics/sources/{dataset}.json", {"dataset": dataset, "rows": count, "parts": found})
    print(f"fetch {dataset}: {count} rows from {', '.join(part['from'] for part in found)}", file=sys.stderr)


if __name__ == "__main__":
    explain(main)

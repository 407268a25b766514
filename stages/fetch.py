"""fetch[dataset]: the published rows of one data set, untouched, and where they come from."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from reset.core import io, params
from reset.core.errors import run_stage
from reset.core.io import Row
from reset.data.sources import fetch, provenance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    dataset = parser.parse_args().dataset
    data = params.declared("fetch", key=dataset).data

    found: list[Row] = []
    parts = fetch.parts(dataset, data.datasets[dataset].source, data.mirror, data.world)
    rows = tqdm(
        provenance.count_rows(parts, found),
        f"fetch {dataset}",
        unit=" rows",
        disable=None,
        mininterval=1,
    )
    count = io.write(Path("data/raw") / f"{dataset}.jsonl", rows)
    io.write_json(
        f"metrics/sources/{dataset}.json", {"dataset": dataset, "rows": count, "parts": found}
    )
    if left_out := provenance.other_subsets(found):
        listed = ", ".join(f"{count} of '{name}'" for name, count in sorted(left_out.items()))
        print(f"fetch {dataset}: left out as rows of other subsets: {listed}", file=sys.stderr)
    print(
        f"fetch {dataset}: {count} rows from {', '.join(part['from'] for part in found)}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    run_stage(main)

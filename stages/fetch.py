"""fetch[dataset]: the published rows of one data set, untouched."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from reset import params, records
from reset.errors import InputError, explain
from reset.sources import fetching


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    dataset = parser.parse_args().dataset
    data = params.declared("fetch", key=dataset).data

    rows = fetching.rows(dataset, data.datasets[dataset].source, data.mirror, data.world)
    out = Path("data/raw") / f"{dataset}.jsonl"
    count = records.write(out, tqdm(rows, f"fetch {dataset}", unit=" rows", disable=None, mininterval=1))
    if not count:
        out.unlink()
        raise InputError(f"data set '{dataset}' came without rows")
    print(f"fetch {dataset}: {count} rows", file=sys.stderr)


if __name__ == "__main__":
    explain(main)

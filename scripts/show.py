"""Print the result table, write the page with how it came about, and say where it lies. No stage of
the pipeline: `make demo` ends with it.

Results that are older than the project, as after a run that was stopped, are marked.
"""

import argparse
from pathlib import Path

from reset.core import io, params
from reset.core.errors import InputError, run_stage
from reset.evaluation import metrics
from reset.report import aggregate, document, runs, tables
from reset.report.table import plain
from reset.tools import freshness, run_info

PAGE = Path("report/index.html")
WITH_RUN = Path("report/this_run.html")


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    results = runs.without_ends(metrics.read("metrics/results.csv"))
    if not PAGE.exists():
        raise InputError(f"{PAGE}: not there; run `dvc repro report`")
    averages = aggregate.macro(results)
    seeds = aggregate.trained_seeds(row["seed"] for row in results)
    mark = freshness.warning(seeds, params.load("params.yaml")["seeds"])
    print(plain(tables.headline(averages)))
    print(f"IF is out of 10, the others are from 0 to 1; seeds {', '.join(map(str, seeds))}.")
    page = document.with_run(PAGE.read_text(encoding="utf-8"), run_info.parts(), mark)
    io.write_text(WITH_RUN, page)
    print(f"Report: {WITH_RUN.resolve().as_uri()}")
    if mark:
        print(f"\n{mark}")


if __name__ == "__main__":
    run_stage(main)

"""Print the result table, and where the report lies. No stage of the pipeline: `make demo` ends with it."""

from pathlib import Path

from reset import aggregate, metrics, runs, tables
from reset.errors import explain


def main() -> None:
    results = [row for row in metrics.read("metrics/results.csv") if row["run"] not in runs.ENDS]
    averages = aggregate.macro(results)
    seeds = sorted({row["seed"] for row in results})
    print(tables.plain(tables.headline(averages)))
    print(f"IF is a rating from 1 to 10, the others are from 0 to 1; seeds {', '.join(map(str, seeds))}.")
    print(f"Report: {Path('report/index.html').resolve().as_uri()}")


if __name__ == "__main__":
    explain(main)

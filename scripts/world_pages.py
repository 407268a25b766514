"""Write the differences between runs, world by world, into docs/results.md: from the study and from
the runs that are kept in report/worlds. No stage of the pipeline.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

from reset.core.errors import run_stage
from reset.evaluation import metrics
from reset.report import aggregate, results, runs, tables
from reset.report.table import Table, markdown
from reset.tools.marked_pages import fill

STUDY = Path("report/study")


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    table = by_world([STUDY, *sorted(Path("report/worlds").iterdir())])
    fill("docs/results.md", "worlds", markdown(table).strip())


def by_world(folders: list[Path]) -> Table:
    """A row a comparison that the first folder has, a column a folder with results.csv and
    intervals.csv.
    """
    found = {folder.name: differences(folder) for folder in folders}
    columns = ["comparison", *found]
    first = found[folders[0].name]
    rows = []
    for pair in first:
        rows.append([pair, *[world.get(pair, "–") for world in found.values()]])
    return Table("", columns, rows, labels=len(columns))


def differences(folder: Path) -> Mapping[str, str]:
    """What the report of a folder's numbers says of each comparison: `run against other`, then its
    differences, intervals and readings.
    """
    averages = aggregate.macro(runs.without_ends(metrics.read(folder / "results.csv")))
    intervals, _ = results.read_intervals(folder / "intervals.csv")
    sentences = tables.sentences(averages, intervals)
    return dict(sentence.rstrip(".").split(": ", 1) for sentence in sentences)


if __name__ == "__main__":
    run_stage(main)

"""Write the differences of `reset` seed by seed into docs/real-text.md, from the numbers that are
kept in report/real_text and its folders of further seeds. No stage of the pipeline.
"""

import argparse
from pathlib import Path

import numpy as np

from reset.core.errors import run_stage
from reset.evaluation import metrics
from reset.report import aggregate, bootstrap, runs
from reset.report.numbers import SHORT, show_difference, show_interval
from reset.report.table import Table, markdown
from reset.tools.marked_pages import fill

STUDY = Path("report/real_text")
PAIRS = (("reset", "mtl"), ("reset", "random"))
ABILITIES = ("faithfulness", "instruction")
DRAWS = 10_000


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    table = by_seed([STUDY, *sorted(STUDY.glob("seed*"))])
    fill("docs/real-text.md", "seeds", markdown(table).strip())


def by_seed(folders: list[Path]) -> Table:
    """A row a comparison and ability, a column a seed of any folder's results.csv; the interval is
    Student's t over the seeds, their prompts taken as they are.
    """
    measured = []
    for folder in folders:
        measured += metrics.read(folder / "results.csv")
    averages = aggregate.macro(runs.without_ends(measured))
    seeds = aggregate.trained_seeds(row["seed"] for row in measured)
    rows = []
    for run, other in PAIRS:
        for metric in ABILITIES:
            gap = aggregate.difference(averages, run, other, metric, "overall")
            assert gap, f"{folders[0]}: no {metric} of {run} and {other}"
            values = np.array([list(gap.by_seed.values())]).T
            ends = bootstrap.interval({"overall": values}, DRAWS, 0)
            cells = [show_difference(metric, gap.by_seed[seed]) for seed in seeds]
            cells += [show_difference(metric, gap.mean), show_interval(metric, ends)]
            rows.append([f"{run} − {other}", SHORT[metric], *cells])
    names = [f"seed {seed}" for seed in seeds]
    return Table("", ["difference", "ability", *names, "mean", "95 % interval"], rows, labels=2)


if __name__ == "__main__":
    run_stage(main)

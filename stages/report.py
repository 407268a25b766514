"""report: join the runs' metrics and write the tables, the figures and the page that people look
at.
"""

import sys

from reset.core import io, params
from reset.core.errors import run_stage
from reset.evaluation import csv_table, metrics
from reset.report import charts, document, results, sections


def main() -> None:
    declared = params.declared("report")
    settings = params.build(results.ReportSettings, declared.report, "report")
    asked = declared.runs
    found = results.load(settings, declared.seeds, list(declared.data.datasets), asked)
    figures = sections.draw(found)

    csv_table.write("metrics/results.csv", metrics.COLUMNS, [*found.results, *found.ends])
    csv_table.write("metrics/intervals.csv", results.INTERVALS, results.intervals(found))
    io.write_json("metrics/summary.json", results.summary(found))
    io.write_json("metrics/data.json", found.data)
    for figure in figures:
        csv_table.write(f"report/plots/{figure.name}.csv", figure.columns, figure.rows)
        if figure.rows:
            drawn = charts.svg(figure.specification, figure.title)
            io.write_text(f"report/plots/{figure.name}.svg", charts.standalone(drawn))
    io.write_text("report/report.md", document.text(found, figures))
    io.write_text("report/index.html", document.page(found, figures))
    print(
        f"report: {len(found.results)} values, {len(figures)} figures, report/index.html",
        file=sys.stderr,
    )


if __name__ == "__main__":
    run_stage(main)

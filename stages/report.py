"""report: join the runs' metrics and write the tables, the figures and the page that people look at."""

import sys

from reset import csv_table, drawing, metrics, page, params, records, report, study
from reset.errors import explain


def main() -> None:
    declared = params.declared("report")
    settings = params.build(study.Settings, declared.report, "report")
    found = study.load(settings, declared.seeds, list(declared.data.datasets))
    figures = report.figures(found)

    csv_table.write("metrics/results.csv", metrics.COLUMNS, [*found.results, *found.ends])
    csv_table.write("metrics/intervals.csv", study.INTERVALS, study.intervals(found))
    records.write_json("metrics/summary.json", study.summary(found))
    records.write_json("metrics/data.json", found.data)
    style = (page.FILES / "figures.css").read_text(encoding="utf-8")
    for figure in figures:
        csv_table.write(f"report/plots/{figure.name}.csv", figure.columns, figure.rows)
        for place, (_, svg) in enumerate(figure.pictures):
            name = figure.name if len(figure.pictures) == 1 else f"{figure.name}_{place + 1}"
            records.write_text(f"report/plots/{name}.svg", drawing.standalone(svg, style))
    records.write_text("report/report.md", report.text(found))
    records.write_text("report/index.html", report.page(found, figures))
    print(f"report: {len(found.results)} values, {len(figures)} figures, report/index.html", file=sys.stderr)


if __name__ == "__main__":
    explain(main)

"""The README shows the committed study and nothing else."""

import json
import re
from pathlib import Path

from reset import aggregate, metrics, runs, tables

RESULTS = "report/study/results.csv"


def block(text: str) -> str:
    return re.search(r"<!-- study:start -->\n(.*)<!-- study:end -->", text, re.S).group(1)


def test_the_readmes_tables_are_those_of_the_studys_report():
    report = Path("report/study/report.md").read_text()
    shown = [line for line in block(Path("README.md").read_text()).splitlines() if line.startswith("|")]
    assert len(shown) > 15
    assert [line for line in shown if line not in report.splitlines()] == []


def test_the_studys_report_comes_from_its_results():
    averages = aggregate.macro(runs.without_ends(metrics.read(RESULTS)))
    report = Path("report/study/report.md").read_text()
    table = tables.markdown(tables.headline(averages))
    assert table in report


def test_the_readmes_ratios_are_those_that_the_benchmarks_printed():
    rows = re.findall(r"^\| \[(\w+)\.txt\]\(.*\) \| (.*) \| .* \| ([\d.]+) \|$", Path("README.md").read_text(), re.M)
    assert len(rows) > 10
    for file, name, ratio in rows:
        printed = [line for line in Path(f"benchmarks/{file}.txt").read_text().splitlines() if line.startswith("[{")]
        assert {"name": name, "ratio": float(ratio)}.items() <= {
            key: value for entry in json.loads(printed[-1]) if entry["name"] == name for key, value in entry.items()
        }.items()

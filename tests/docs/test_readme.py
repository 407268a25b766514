"""README and the studies' pages show the committed studies and nothing else."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reset.evaluation import metrics
from reset.report import aggregate, paper_claims, results, runs, tables
from reset.report.table import markdown
from tests.support import clones

STUDIES = ("study", "real_text")


def block(text: str, study: str) -> str:
    return re.search(rf"<!-- {study}:start -->\n(.*)<!-- {study}:end -->", text, re.S).group(1)


@pytest.mark.parametrize(
    ("study", "page", "least"),
    [
        ("study", "README.md", 8),
        ("study", "docs/results.md", 30),
        ("real_text", "README.md", 8),
        ("real_text", "docs/real-text.md", 25),
    ],
)
def test_a_pages_numbers_are_those_of_the_studys_report(study, page, least):
    report = Path("report", study, "report.md").read_text().splitlines()
    lines = block(Path(page).read_text(), study).splitlines()
    shown = [line for line in lines if line.startswith(("|", "* "))]
    assert len(shown) >= least
    assert [line for line in shown if line not in report] == []


@pytest.mark.parametrize("study", STUDIES)
def test_a_studys_report_comes_from_its_results_and_intervals(study):
    folder = Path("report", study)
    averages = aggregate.macro(runs.without_ends(metrics.read(folder / "results.csv")))
    intervals, counts = results.read_intervals(folder / "intervals.csv")
    report = (folder / "report.md").read_text()
    for table in (
        tables.headline(averages),
        tables.differences(averages, intervals),
        paper_claims.table(averages, intervals, counts),
    ):
        assert markdown(table) in report
    assert (
        "".join(f"* {sentence}\n" for sentence in tables.sentences(averages, intervals)) in report
    )


@pytest.mark.parametrize(
    ("script", "page", "row"),
    [
        ("world_pages.py", "docs/results.md", "| reset against random |"),
        ("seed_pages.py", "docs/real-text.md", "| reset − random | IF |"),
    ],
)
def test_the_tables_of_worlds_and_seeds_are_made_of_the_numbers_that_are_kept(
    tmp_path, script, page, row
):
    for folder in ("docs", "report/study", "report/worlds", "report/real_text"):
        shutil.copytree(folder, tmp_path / folder)
    environment = os.environ | {"PYTHONPATH": str(clones.ROOT / "src")}
    command = [sys.executable, clones.ROOT / "scripts" / script]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    written = (tmp_path / page).read_text()
    assert written == Path(page).read_text()
    assert written.count(row) == 1


def test_the_readmes_ratios_are_those_that_the_benchmarks_printed():
    rows = re.findall(
        r"^\| \[(\w+)\.txt\]\(.*\) \| (.*) \| .* \| ([\d.]+) \|$",
        Path("docs/benchmarks.md").read_text(),
        re.M,
    )
    assert len(rows) > 10
    for file, name, ratio in rows:
        printed = [
            line
            for line in Path(f"benchmarks/{file}.txt").read_text().splitlines()
            if line.startswith("[{")
        ]
        assert {"name": name, "ratio": float(ratio)}.items() <= {
            key: value
            for entry in json.loads(printed[-1])
            if entry["name"] == name
            for key, value in entry.items()
        }.items()


def test_the_readme_is_one_screen_and_a_map():
    assert len(Path("README.md").read_text().splitlines()) <= 120

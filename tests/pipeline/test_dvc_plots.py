"""`dvc plots`: what dvc.yaml declares exists, with its columns and its template."""

import json
import os
from pathlib import Path

import pytest
import yaml
from dvc_render import VegaRenderer

from reset.evaluation import csv_table
from reset.report import charts, results, sections
from tests.support import made_up_study

DECLARED = yaml.safe_load(Path("dvc.yaml").read_text())["plots"]
TEMPLATES = sorted(Path(".dvc/plots").glob("*.json"))


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    root, before = tmp_path_factory.mktemp("study"), os.getcwd()
    made_up_study.write(root, seeds=(0, 1), prompts=3)
    os.chdir(root)
    try:
        settings = results.ReportSettings(samples=9, draws=20, seed=0)
        return sections.draw(
            results.load(settings, [0, 1], list(made_up_study.SETS), made_up_study.ASKED)
        )
    finally:
        os.chdir(before)


def test_dvc_declares_every_figure_as_the_report_draws_it(figures):
    declared = {name: entry for plot in DECLARED for name, entry in plot.items()}
    assert {figure.name: figure.declared for figure in figures} == declared
    for figure in figures:
        assert figure.rows and {*figure.rows[0]} == {*figure.columns} >= {figure.x, figure.y}
        assert Path(f".dvc/plots/{figure.template}.json") in TEMPLATES


def test_dvc_s_cells_of_text_give_the_figure_that_numbers_give(figures, tmp_path):
    """DVC hands the cells of a CSV file to a template as text, and fills it itself."""
    for figure in figures:
        csv_table.write(tmp_path / "table.csv", figure.columns, figure.rows)
        texts = csv_table.read(tmp_path / "table.csv", figure.columns)
        properties = figure.declared | {"y": figure.y, "template_dir": str(charts.ASSETS / "plots")}
        filled = VegaRenderer([row | {"rev": "workspace"} for row in texts], "plot", **properties)
        by_dvc = filled.get_filled_template()
        numbers = [row | {"rev": "workspace"} for row in map(parsed, texts)]
        ours = charts.fill(figure.declared, numbers)
        assert by_dvc | {"data": None} == ours | {"data": None}
        assert drawing(by_dvc) == drawing(ours), figure.name


def parsed(row):
    return {key: number(cell) for key, cell in row.items()}


def number(cell):
    try:
        return float(cell) if cell else None
    except ValueError:
        return cell


def drawing(spec):
    """The SVG without its description, which shows the cells as they are."""
    return charts.svg(spec, "").partition("</desc>")[2]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_is_vega_lite_with_dvc_s_anchors(path):
    text = path.read_text()
    spec = json.loads(text)
    assert spec["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
    assert spec["data"] == {"values": "<DVC_METRIC_DATA>"}
    assert "<DVC_METRIC_X>" in text and "<DVC_METRIC_Y>" in text
    assert '"rev"' in text  # two revisions can be told apart

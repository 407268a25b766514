"""charts: the same bytes each time, readable without a script, in both themes and by librsvg."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from reset.report import charts

PLOT = {
    "title": "Loss & more",
    "template": "curves",
    "x": "step",
    "y": {"report/plots/training.csv": "value"},
    "y_label": "loss",
}
ROWS = [
    {"panel": panel, "seed": 0, "kind": "training loss", "step": step, "value": 1 / step}
    for panel in ("mtl", "<reset>")
    for step in (1, 2, 3)
]
SVG = "{http://www.w3.org/2000/svg}"


def test_the_same_table_gives_the_same_bytes():
    drawn = [charts.svg(charts.fill(PLOT, ROWS), "t") for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_a_panel_has_its_rows_alone_and_its_name_as_title():
    first, second = charts.panels(charts.fill(PLOT, ROWS))
    assert [name for name, _ in (first, second)] == ["mtl", "<reset>"]
    assert first[1]["data"]["values"] == ROWS[:3] and first[1]["title"] == "mtl"
    drawn = ElementTree.fromstring(charts.svg(second[1], "a <b>"))
    assert drawn.find(f"{SVG}title").text == "a <b>" and drawn.get("role") == "img"
    assert "<reset>" in [text.text for text in drawn.iter(f"{SVG}text")]
    assert "0.333" in drawn.find(f"{SVG}desc").text


def test_large_numbers_are_told_whole():
    spec = {"data": {"values": [{"run": "mtl", "value": 1234.4}, {"run": "reset", "value": 0.51}]}}
    assert charts.describe(spec) == "mtl, value 1,234; reset, value 0.51."


def test_an_empty_table_has_no_panel():
    assert charts.panels(charts.fill(PLOT, [])) == []
    assert charts.panels(charts.fill(PLOT | {"template": "points"}, [])) == []


def test_revisions_are_told_apart_only_where_there_are_some():
    alone = charts.fill(PLOT, ROWS)
    both = charts.fill(PLOT, [row | {"rev": rev} for row in ROWS for rev in ("A", "B")])
    assert '"field": "rev"' not in str(alone).replace("'", '"')
    assert '"field": "rev"' in str(both).replace("'", '"')
    assert "stroke-dasharray" in charts.svg(both, "") and ">A<" in charts.svg(both, "")
    assert "stroke-dasharray" not in charts.svg(alone, "")


def test_every_colour_has_one_for_a_dark_screen():
    style = (charts.ASSETS / "figures.css").read_text()
    templates = (charts.ASSETS / "plots").glob("*.json")
    used = {charts.INK, charts.SOFT, charts.RULE, *charts.SERIES}
    for path in templates:
        used |= set(re.findall(r"#[0-9a-f]{6}", path.read_text()))
    for colour in used:
        assert f'[fill="{colour}"]' in style and f'[stroke="{colour}"]' in style
    drawn = charts.svg(charts.fill(PLOT, ROWS), "")
    assert set(re.findall(r'(?:fill|stroke)="(?!none)([^"]+)"', drawn)) <= used


@pytest.mark.skipif(
    not shutil.which("rsvg-convert"), reason="no rsvg-convert: apt-get install librsvg2-bin"
)
def test_librsvg_draws_the_file_in_its_colours(tmp_path):
    path = tmp_path / "chart.svg"
    path.write_text(charts.standalone(charts.svg(charts.fill(PLOT, ROWS), "t")))
    command = ["rsvg-convert", "--format=svg", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    blue = [round(100 * part / 255) for part in bytes.fromhex(charts.SERIES[0][1:])]
    found = re.findall(r"rgb\(([\d.]+)%, ?([\d.]+)%, ?([\d.]+)%\)", done.stdout)
    assert blue in [[round(float(part)) for part in colour] for colour in found]

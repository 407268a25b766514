"""report: the page needs nothing else, shows what the tables hold, and is the same for the same inputs."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reset import judge_tables, report, study, tables
from reset.errors import InputError
from tests import made_up_study

SETTINGS = study.Settings(samples=9, draws=50, seed=0)
STAGES = Path("stages").resolve()
ENVIRONMENT = {"PYTHONPATH": str(Path("src").resolve()), "PATH": "/usr/bin:/bin"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("report")
    made_up_study.write(path, seeds=(0, 1), prompts=3)
    made_up_study.write_params(path, seeds=(0, 1), samples=9)
    return path


@pytest.fixture
def found(root, monkeypatch):
    monkeypatch.chdir(root)
    return study.load(SETTINGS, [0, 1], list(made_up_study.SETS))


def run(script, root):
    command = [sys.executable, str(STAGES / script)]
    return subprocess.run(command, cwd=root, env=ENVIRONMENT, capture_output=True, text=True)


class Page(HTMLParser):
    """Tags left open, ids, links and text of a page."""

    VOID = {"meta", "link", "input", "br"}

    def __init__(self, html):
        super().__init__()
        self.open, self.ids, self.links, self.text = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        named = dict(attrs)
        self.ids += [named["id"]] if "id" in named else []
        self.links += [named[key] for key in ("href", "src") if key in named]

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_well_formed_with_unique_ids_and_links_that_lead_somewhere(found):
    page = Page(report.page(found, report.figures(found)))
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    inner = [link[1:] for link in page.links if link.startswith("#")]
    assert inner and set(inner) <= set(page.ids)


def test_the_page_loads_nothing_from_elsewhere(found):
    html = report.page(found, report.figures(found))
    assert [link for link in Page(html).links if not link.startswith(("#", "data:"))] == []
    addresses = set(re.findall(r"https?://[^\s\"'<]+", html))
    assert addresses == {"http://www.w3.org/2000/svg"}


def test_texts_of_a_model_cannot_become_markup(found):
    html = report.page(found, report.figures(found))
    assert "<script>alert" not in html
    block = re.search(r'<script type="application/json" id="samples-data">(.*?)</script>', html, re.DOTALL).group(1)
    assert json.loads(block) == json.loads(json.dumps(found.sources))
    assert any("<script>alert(1)</script>" in a["text"] for s in found.sources for r in s["rows"] for a in r["answers"])


def test_page_and_markdown_show_every_cell_of_the_headline(found):
    html, text = Page(report.page(found, report.figures(found))), report.text(found)
    told = "".join(html.text)
    for row in tables.headline(found.averages).rows:
        assert f"| {' | '.join(row)} |" in text
        for cell in row:
            assert cell in told


def test_page_and_markdown_tell_the_same_of_the_judges(found):
    told, text = "".join(Page(report.page(found, report.figures(found))).text), report.text(found)
    parts = judge_tables.parts(found.judged, found.calibration)
    assert [part.title for part in parts if part.table] == [part.title for part in parts]
    for part in parts:
        assert part.note in told and part.note in text
        for row in part.table.rows:
            assert f"| {' | '.join(row)} |" in text and all(cell in told for cell in row)


def test_a_report_without_a_calibration_says_what_to_run(root, found):
    path = root / "metrics/calibration.json"
    kept = path.read_text()
    path.unlink()
    try:
        with pytest.raises(InputError, match="metrics/calibration.json: cannot be read .*dvc repro"):
            study.load(SETTINGS, [0, 1], [])
    finally:
        path.write_text(kept)


def test_one_seed_says_so_and_shows_no_spread(found):
    single = study.load(SETTINGS, [1], list(made_up_study.SETS))
    text = report.text(single)
    assert " ± " not in text
    assert "one seed, so no spread" in text and "say nothing about other seeds" in text


def test_the_measures_are_named(found):
    text = report.text(found)
    for name in ("exact_match", "rouge_l", "span", "summac_zs", "rubric"):
        assert name in text


def test_a_study_of_one_run_and_no_pool_still_makes_a_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up_study.write(tmp_path, seeds=(0,), prompts=2, runs=("mtl",))
    for path in Path("data/candidates").iterdir():
        path.unlink()
    found = study.load(SETTINGS, [0], [])
    assert "mtl" in report.text(found)
    assert Page(report.page(found, report.figures(found))).open == []


def test_the_stage_writes_the_same_bytes_twice_and_what_it_declares(root):
    outs = ["metrics/results.csv", "metrics/summary.json", "metrics/data.json", "report/report.md", "report/index.html"]
    assert (first := run("report.py", root)).returncode == 0, first.stderr
    before = {path: path.read_bytes() for path in [*[root / out for out in outs], *(root / "report/plots").iterdir()]}
    assert run("report.py", root).returncode == 0
    assert {path: path.read_bytes() for path in before} == before
    names = {path.name for path in before}
    assert {"tradeoff.csv", "tradeoff.svg", "second_stage.csv", "length.csv", "form.csv", "scores.csv"} <= names


def test_show_prints_the_headline_and_where_the_report_lies(root):
    run("report.py", root)
    shown = run("show.py", root)
    assert shown.returncode == 0, shown.stderr
    assert "Faithfulness" in shown.stdout and "reset_s" in shown.stdout
    assert (root / "report/index.html").as_uri() in shown.stdout


def test_show_without_results_says_what_is_missing(tmp_path):
    shown = run("show.py", tmp_path)
    assert shown.returncode == 1
    assert shown.stderr.startswith("error: metrics/results.csv: cannot be read")


@pytest.mark.parametrize("script", ["report", "evaluate", "show"])
def test_the_stage_imports_nothing_heavy(script):
    code = f"import sys, runpy; sys.argv = ['x']; runpy.run_path('stages/{script}.py'); print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "pandas", "datasets", "matplotlib", "openai"} & set(told.stdout.split())

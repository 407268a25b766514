"""report: the page needs nothing else, shows what the tables hold, and is the same for the same
inputs.
"""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.report import document, judge_tables, paper_claims, results, sections, tables
from reset.report.table import Table, markdown
from tests.support import made_up_study

SETTINGS = results.ReportSettings(samples=9, draws=50, seed=0)
ROOT = Path.cwd()
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
    return results.load(SETTINGS, [0, 1], list(made_up_study.SETS), made_up_study.ASKED)


def run(script, root):
    command = [sys.executable, str(ROOT / script)]
    return subprocess.run(command, cwd=root, env=ENVIRONMENT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def reported(root):
    """The same folder after the stage."""
    done = run("stages/report.py", root)
    assert done.returncode == 0, done.stderr
    return root


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
    page = Page(document.page(found, sections.draw(found)))
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    inner = [link[1:] for link in page.links if link.startswith("#")]
    assert inner and set(inner) <= set(page.ids)


def test_page_and_markdown_have_the_same_sections_tables_notes_and_figures(found):
    drawn = sections.draw(found)
    html, text = document.page(found, drawn), document.text(found, drawn)
    shown_text = "".join(Page(html).text)
    listed = sections.sections(found, drawn)
    assert [section.anchor for section in listed] == re.findall(r'<section id="([\w-]+)"', html)[
        :-2
    ]
    assert [f"## {section.title}" for section in listed] == re.findall(r"^## .*", text, re.M)
    shown = [part for section in listed for part in section.parts]
    drawn_names = {figure.name for figure in drawn if figure.rows}
    assert drawn_names == set(re.findall(r"\(plots/(\w+)\.svg\)", text))
    for part in shown:
        if isinstance(part, str):
            assert part in shown_text and part in text
        if isinstance(part, Table):
            assert markdown(part).rstrip() in text
            assert part.columns[-1] in shown_text


def test_the_page_loads_nothing_from_elsewhere(found):
    html = document.page(found, sections.draw(found))
    assert [link for link in Page(html).links if not link.startswith(("#", "data:"))] == []
    addresses = set(re.findall(r"https?://[^\s\"'<]+", html))
    assert addresses == {"http://www.w3.org/2000/svg"}


def test_texts_of_a_model_cannot_become_markup(found):
    html = document.page(found, sections.draw(found))
    assert "<script>alert" not in html
    block = re.search(
        r'<script type="application/json" id="samples-data">(.*?)</script>', html, re.DOTALL
    ).group(1)
    assert json.loads(block) == json.loads(json.dumps(found.sources))
    assert any(
        "<script>alert(1)</script>" in a["text"]
        for s in found.sources
        for r in s["rows"]
        for a in r["answers"]
    )


def test_page_and_markdown_show_every_cell_of_the_headline(found):
    html, text = (
        Page(document.page(found, sections.draw(found))),
        document.text(found, sections.draw(found)),
    )
    shown_text = "".join(html.text)
    for row in tables.headline(found.averages).rows:
        assert f"| {' | '.join(row)} |" in text
        for cell in row:
            assert cell in shown_text


def test_page_and_markdown_tell_the_same_of_the_judges(found):
    shown_text, text = (
        "".join(Page(document.page(found, sections.draw(found))).text),
        document.text(found, sections.draw(found)),
    )
    parts = judge_tables.judge_parts(found.judged, found.calibration)
    assert [part.title for part in parts if part.table] == [part.title for part in parts]
    for part in parts:
        assert part.note in shown_text and part.note in text
        for row in part.table.rows:
            assert f"| {' | '.join(row)} |" in text and all(cell in shown_text for cell in row)


def test_a_report_without_a_calibration_says_what_to_run(root, found):
    path = root / "metrics/calibration.json"
    kept = path.read_text()
    path.unlink()
    try:
        with pytest.raises(
            InputError, match="metrics/calibration.json: cannot be read .*dvc repro"
        ):
            results.load(SETTINGS, [0, 1], [], made_up_study.ASKED)
    finally:
        path.write_text(kept)


def test_paper_and_ours_stand_side_by_side_on_page_and_in_markdown(found):
    shown_text, text = (
        "".join(Page(document.page(found, sections.draw(found))).text),
        document.text(found, sections.draw(found)),
    )
    rows = paper_claims.table(found.averages, found.intervals, found.counts).rows
    assert len(rows) == 18 and {row[-1] for row in rows} <= {"shown", "opposite", "not shown"}
    rows += paper_claims.drift(found.kinds, found.intervals, found.counts).rows
    assert len(rows) == 22
    for row in rows:
        assert f"| {' | '.join(row)} |" in text and all(cell in shown_text for cell in row)
    assert "0.49 → 0.75" in shown_text and "0.49 → 0.75" in text


def test_ablations_are_shown_when_there_are_some(reported, found):
    drawn = sections.draw(found)
    assert "ranking.selection" not in document.text(found, drawn)
    assert 'id="ablations"' not in document.page(found, drawn)
    for name in ("metrics/results.csv", "metrics/summary.json"):
        io.write_text(
            reported / "report/ablations/ranking.selection=worst" / Path(name).name,
            (reported / name).read_text(),
        )
    try:
        again = results.load(SETTINGS, [0, 1], [], made_up_study.ASKED)
        assert "| ranking.selection=worst |" in document.text(again, sections.draw(again))
        assert "ranking.selection=worst" in document.page(again, sections.draw(again))
    finally:
        shutil.rmtree(reported / "report/ablations")


def test_one_seed_says_so_and_shows_no_spread(found):
    single = results.load(SETTINGS, [1], list(made_up_study.SETS), made_up_study.ASKED)
    text = document.text(single, sections.draw(single))
    assert " ± " not in text
    assert "one seed, so no spread" in text and "say nothing about other seeds" in text


def test_the_measures_are_named(found):
    text = document.text(found, sections.draw(found))
    assert sections.DRIFT in text
    for name in ("exact_match", "rouge_l", "span", "summac_zs", "rubric"):
        assert name in text


def test_a_study_of_one_run_and_no_pool_still_makes_a_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up_study.write(tmp_path, seeds=(0,), prompts=2, runs=("mtl",))
    for path in Path("data/candidates").iterdir():
        path.unlink()
    found = results.load(SETTINGS, [0], [], made_up_study.ASKED)
    text = document.text(found, sections.draw(found))
    assert text.split("\n")[2].startswith("1 run, seed 0, greedy answers to 18 prompts of 9 ")
    titles = set(re.findall(r"^##+ (.*)", text, re.M))
    assert {"Results", "The trade-off", "Form of the answers", "Training"} <= titles
    empty = {"Paper and ours", "Differences", "Through training", "Length through training"}
    assert not {*empty, "Before and after a second stage", "Sampling"} & titles
    assert Page(document.page(found, sections.draw(found))).open == []


def test_start_models_alone_have_no_seed_to_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up_study.write(tmp_path, seeds=(0,), prompts=1, runs=("base", "chat"))
    found = results.load(SETTINGS, [0], [], made_up_study.ASKED)
    assert sections.lead(found) == "2 runs, greedy answers to 9 prompts of 9 evaluation sets."


def test_the_stage_writes_the_same_bytes_twice_and_what_it_declares(reported):
    outs = [
        "metrics/results.csv",
        "metrics/summary.json",
        "metrics/data.json",
        "report/report.md",
        "report/index.html",
    ]
    written = [*[reported / out for out in outs], *(reported / "report/plots").iterdir()]
    before = {path: path.read_bytes() for path in written}
    assert run("stages/report.py", reported).returncode == 0
    assert {path: path.read_bytes() for path in before} == before
    names = {path.name for path in before}
    assert {
        "tradeoff.csv",
        "tradeoff.svg",
        "second_stage.csv",
        "length.csv",
        "form.csv",
        "scores.csv",
    } <= names
    assert {
        "stage1_checkpoints.csv",
        "instruction_checkpoints.svg",
        "length_through_training.csv",
        "faithfulness_by_length.csv",
    } <= names


def test_show_prints_the_headline_and_where_the_report_lies(reported):
    before = (reported / "report/index.html").read_bytes()
    io.write_text(
        reported / ".work/times.csv",
        "fetch@nq,9.00\nfetch@nq,1.00\nfetch@bioasq,2.50\nreport,0.50\n",
    )
    usage = {
        "stage": "judge_instruction@reset-0",
        "model": "m",
        "calls": 1200,
        "prompt_tokens": 9,
        "usd": 0.25,
    }
    io.write_json(reported / "metrics/cost.json", {"stages": [usage | {"completion_tokens": 7}]})
    shown = run("scripts/show.py", reported)
    assert shown.returncode == 0, shown.stderr
    assert (
        "Faithfulness" in shown.stdout
        and "reset_s" in shown.stdout
        and "stage2_end" not in shown.stdout
    )
    page = reported / "report/this_run.html"
    assert page.as_uri() in shown.stdout
    assert "unknown whether these results are up to date" in shown.stdout
    assert (reported / "report/index.html").read_bytes() == before
    html = page.read_text()
    cells = re.sub(r"<[^>]+>", "|", html[html.index('<section id="run"') :])
    for cell in (
        "fetch||2||1.8||3.5|",
        "all||3||||4.0|",
        "no git repository",
        "torch",
        "1,200||9||7||0.25",
    ):
        assert cell in cells, cell
    assert "leaves them out" not in html and Page(html).open == []


def test_show_without_results_says_what_is_missing(tmp_path):
    shown = run("scripts/show.py", tmp_path)
    assert shown.returncode == 1
    assert shown.stderr.startswith("error: metrics/results.csv: cannot be read")


@pytest.mark.parametrize("script", ["stages/report", "stages/evaluate", "scripts/show"])
def test_the_stage_imports_nothing_heavy(script):
    code = (
        f"import sys, runpy; sys.argv = ['x']; runpy.run_path('{script}.py'); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert not {"torch", "transformers", "pandas", "datasets", "matplotlib", "openai"} & set(
        done.stdout.split()
    )

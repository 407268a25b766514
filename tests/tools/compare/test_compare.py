"""compare: what differs between two revisions, and nothing else, is on the page."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
import yaml

from reset.core import io
from reset.core.errors import InputError
from reset.evaluation import csv_table, metrics
from reset.report import results, sections
from reset.tools.compare import page as compare_page
from reset.tools.compare import revision
from reset.tools.compare.answers import _in_turn, compare, samples
from reset.tools.compare.plots import draw
from reset.tools.compare.revision import PROMPTS, Revision, answers
from tests.report.test_document import Page
from tests.support import clones, made_up_study

RUNS = ("stage1", "stage2", "mtl", "reset", "direct")
EMPTY = "IF→CD, context-dependent sets by checkpoint"  # of no run among RUNS
SETTINGS = results.ReportSettings(samples=9, draws=20, seed=0)


def made_up(root, name, monkeypatch, seeds=(0, 1), **parameters):
    """A revision with a made-up study below `root`."""
    made_up_study.write(root, seeds=seeds, prompts=3, runs=RUNS)
    monkeypatch.chdir(root)
    found = results.load(SETTINGS, seeds, list(made_up_study.SETS), made_up_study.ASKED)
    for figure in sections.draw(found):
        csv_table.write(root / f"report/plots/{figure.name}.csv", figure.columns, figure.rows)
    paths = [PROMPTS, *(answers(run, seed) for run in RUNS for seed in seeds)]
    paths += [str(path.relative_to(root)) for path in (root / "report/plots").glob("*.csv")]
    declared = {key: spec for plot in DECLARED for key, spec in plot.items()}
    declared = {
        k: spec for k, spec in declared.items() if spec["template"] != revision.NOT_COMPARED
    }
    files = {path: root / path for path in paths}
    return Revision(name, "abcdef0123456789", found.results, parameters, declared, files, [])


OF_DVC = {"Experiment", "rev", "typ", "Created", "parent", "State", "Executor"}  # columns
DECLARED = yaml.safe_load((clones.ROOT / "dvc.yaml").read_text())["plots"]


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """The same study twice, but for one answer of `reset` in B and the numbers that follow from
    it.
    """
    a = made_up(tmp_path / "a", "v1", monkeypatch, weight=1.0, rounds=1)
    b = made_up(tmp_path / "b", "tuned", monkeypatch, weight=2.0, rounds=1)
    path = b.files[answers("reset", 1)]
    rows = io.read(path)
    rows[0] |= {"text": "<b>another</b> answer", "s_task": 1.0 - rows[0]["s_task"]}
    io.write(path, rows)
    table = tmp_path / "b/metrics/runs/reset_1.csv"
    csv_table.write(table, metrics.COLUMNS, metrics.measure("reset", 1, rows))
    kept = [row for row in b.results if (row["run"], row["seed"]) != ("reset", 1)]
    return a, dataclasses.replace(b, results=[*kept, *metrics.read(table)])


def test_the_headline_has_both_sides_and_their_difference(pair):
    a, b = pair
    table = next(
        table for table in compare_page.headline(a.results, b.results) if table.title == "Task"
    )
    cells = {row[0]: row[1:] for row in table.rows}
    assert [name for name, _ in table.spans] == ["", "seen", "unseen", "overall"]
    assert cells["mtl"][0] == cells["mtl"][1] and cells["mtl"][2] == "="
    gap = abs(1 / 3 / 3 / 2)  # one of three answers, one of three seen sets, one of two seeds
    assert cells["reset"][2] in (f"+{gap:.3f}", f"−{gap:.3f}")


def test_tables_by_data_set_leave_out_what_is_equal(pair):
    a, b = pair
    task, *others = [table for table in compare_page.by_dataset(a.results, b.results) if table.rows]
    assert task.title == "Task by data set" and others == []
    assert [row[0] for row in task.rows] == ["reset"]
    assert task.notes == ["The same on both sides: stage1, stage2, mtl, direct."]


def test_seeds_of_one_side_alone_are_in_its_mean_and_not_in_the_difference(tmp_path, monkeypatch):
    a = made_up(tmp_path / "a", "a", monkeypatch, seeds=(0,))
    b = made_up(tmp_path / "b", "b", monkeypatch, seeds=(0, 1))
    table = compare_page.headline(a.results, b.results)[0]
    assert {row[3] for row in table.rows} == {"±0.00"} and all("±" in row[2] for row in table.rows)


def test_parameters_that_differ_are_listed_and_no_others():
    table = compare_page.differing({"a": 1, "b": [1], "c": None}, {"a": 1, "b": [1, 2], "d": "x"})
    assert table.rows == [["b", "[1]", "[1, 2]"], ["c", "null", "–"], ["d", "–", '"x"']]


def test_only_answers_that_changed_are_shown_with_both_texts_and_scores(pair):
    table, sources = samples(*pair)
    counts = {(row[0], row[1]): row[2:] for row in table.rows}
    assert counts[("reset", "1")] == ["27", "1", "1", "0"]
    assert {cells[1] for key, cells in counts.items() if key != ("reset", "1")} == {"0"}
    (source,) = sources
    (row,) = source["rows"]
    assert [answer["label"] for answer in row["answers"]] == ["A: v1", "B: tuned"]
    assert row["answers"][1]["text"] == "<b>another</b> answer"
    assert abs(row["answers"][0]["scores"][0] - row["answers"][1]["scores"][0]) == 1


def test_changed_answers_stand_in_the_order_of_their_change_and_data_sets_take_turns():
    def row(text, score):
        return {"text": text, "s_task": score, "s_faithfulness": None, "s_instruction": None}

    a = {
        "nq:1": row("x", 0.5),
        "nq:2": row("x", 0.0),
        "nq:3": row("x", None),
        "only": row("x", 0.0),
    }
    b = {"nq:1": row("y", 0.5), "nq:2": row("x", 0.4), "nq:3": row("x", 0.1)}
    assert compare(a, b) == ([3, 1, 2, 1], ["nq:3", "nq:2", "nq:1"])
    prompts = {id: {"dataset": id.split(":")[0]} for id in ("nq:1", "nq:2", "nq:3", "wikisum:1")}
    assert _in_turn(["nq:3", "nq:2", "nq:1", "wikisum:1"], prompts) == [
        "nq:3",
        "wikisum:1",
        "nq:2",
        "nq:1",
    ]


def test_plots_show_the_panels_that_differ_and_name_the_others(pair, tmp_path):
    a, b = pair
    path = b.files["report/plots/tradeoff.csv"]
    path.write_text(re.sub(r"(reset,ReSet,)[\d.]+", r"\g<1>9.9", path.read_text()))
    drawn = {plot.title: plot for plot in draw(a, b)}
    (scatter,) = [plot for title, plot in drawn.items() if "one point a run" in title]
    (picture,) = scatter.pictures
    assert [picture.count(f">{run}</text>") for run in RUNS] == [2] * len(RUNS)
    assert ">A: v1</text>" in picture and ">B: tuned</text>" in picture
    others = [plot for plot in drawn.values() if plot is not scatter]
    assert [plot.title for plot in others if plot.pictures or not plot.equal] == [EMPTY]
    del a.files["report/plots/tradeoff.csv"]
    scatter = draw(a, b)[0]
    (picture,) = scatter.pictures
    assert [picture.count(f">{run}</text>") for run in RUNS] == [1] * len(RUNS)


def test_every_declared_plot_is_drawn(tmp_path, monkeypatch):
    a = made_up(tmp_path / "a", "a", monkeypatch, seeds=(0,))
    b = made_up(tmp_path / "b", "b", monkeypatch, seeds=(1,))
    drawn = draw(a, b)
    declared = [spec for plot in DECLARED for spec in plot.values()]
    # `runs` shows the same losses as `training`, and what is in no commit
    assert [plot.title for plot in drawn] == [
        spec["title"] for spec in declared if spec["template"] != "runs"
    ]
    assert [plot.title for plot in drawn if not plot.pictures] == [EMPTY]


def test_the_page_is_whole_needs_nothing_else_and_shows_texts_as_texts(pair):
    a, b = pair
    b.missing.append("data/answers/direct_0.jsonl")
    html = compare_page.html(a, b)
    page = Page(html)
    assert page.open == [] and len(set(page.ids)) == len(page.ids)
    assert [link for link in page.links if not link.startswith(("#", "data:"))] == []
    assert "A is v1 (abcdef0123); B is tuned (abcdef0123)." in html
    assert "B (tuned) lacks data/answers/direct_0.jsonl: not in DVC" in html
    assert "<b>another</b>" not in html and "\\u003cb>another\\u003c/b>" in html
    assert '<td class="word">1.0</td><td class="word">2.0</td>' in html  # weight


def test_equal_revisions_say_so(pair):
    a, _ = pair
    html = compare_page.html(a, a)
    assert "None." in html and "The same on both sides: stage1, stage2, mtl, direct, reset." in html
    assert browsed(html) == []


# ---- on a real repository
# -------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Documented:
    """What the commands of docs/change-propagation.md left: their output, DVC's page of plots, and
    ours.
    """

    world: Path
    said: str
    plots: str
    page: str


@pytest.fixture(scope="module")
def documented(finished):
    world = finished
    said = clones.shell(world, clones.documented("Compare")[0], {})
    found = Documented(
        world,
        said,
        (world / "dvc_plots/index.html").read_text(),
        (world / "report/compare.html").read_text(),
    )
    clones.git(world, "checkout", "-q", ".")
    clones.dvc(world, "checkout", "-q", "--force")
    assert clones.git(world, "status", "--porcelain") == ""  # the pages are ignored
    return found


@pytest.mark.integration
@pytest.mark.timeout(1500)
def test_dvc_shows_and_compares_an_experiment(documented):
    ran = {name.split("@")[0] for name in clones.ran(documented.said)}
    assert (
        {"direct", "report"}
        <= ran
        <= {
            "check_params",
            "direct",
            "predict",
            "judge_predictions_task",
            "judge_predictions_faithfulness",
            "judge_predictions_instruction",
            "evaluate",
            "report",
        }
    )
    assert "train.direct.learning_rate" in documented.said
    # so small a world scores alike whatever the rate: what did not change is shown on demand
    assert "direct_faithfulness" in clones.dvc(
        documented.world, "metrics", "diff", "--all", "HEAD", "fast"
    )
    numbers = json.loads((documented.world / "metrics/summary.json").read_text())
    shown = clones.dvc(
        documented.world, "exp", "show", "--csv", "--only-changed", "--drop", ".*/.*"
    ).splitlines()[0]
    columns = {*shown.split(",")} - OF_DVC
    assert len(numbers) <= 20 and "train.direct.learning_rate" in columns
    assert all(
        "." in name and "/" not in name for name in columns - {*numbers}
    )  # parameters, no files
    assert '"rev": "fast"' in documented.plots and '"rev": "HEAD"' in documented.plots


@pytest.mark.integration
@pytest.mark.timeout(1500)
def test_make_compare_writes_one_page_of_a_revision_and_an_experiment(documented):
    page = documented.page
    assert (documented.world / "report/compare.html").as_uri() in documented.said
    assert "B is fast (" in page and "A is HEAD (" in page and "not in DVC's cache" not in page
    assert '<th scope="row" class="word">train.direct.learning_rate</th>' in page
    (source,) = browsed(page)
    assert source["title"] == "direct, seed 1"
    kept = {row["id"]: row["text"] for row in io.stream(documented.world / answers("direct", 1))}
    assert [row["answers"][0]["text"] for row in source["rows"]] == [
        kept[row["id"]] for row in source["rows"]
    ]
    assert any(row["answers"][0]["text"] != row["answers"][1]["text"] for row in source["rows"])


@pytest.mark.integration
@pytest.mark.timeout(1500)
def test_what_is_not_in_the_cache_is_named(documented, tmp_path):
    world = documented.world
    commit = clones.git(
        world, "for-each-ref", "--format=%(objectname)", "refs/exps/**/fast"
    ).strip()
    lock = yaml.safe_load(clones.git(world, "show", f"{commit}:dvc.lock"))
    outs = {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}
    cache = world / ".dvc/cache/files/md5"
    listing = json.loads(in_cache(cache, outs["data/answers"]).read_text())
    (md5,) = (entry["md5"] for entry in listing if entry["relpath"] == "direct_1.jsonl")
    cached = in_cache(cache, md5)
    kept = cached.rename(tmp_path / "kept")
    try:
        said = clones.shell(world, "make compare A=workspace B=fast", {})
    finally:
        kept.rename(cached)
    page = (world / "report/compare.html").read_text()
    for told in (said, page.replace("&#x27;", "'")):
        assert f"B (fast) lacks {answers('direct', 1)}: not in DVC's cache" in told
    assert browsed(page) == []


def in_cache(cache, md5):
    return cache / md5[:2] / md5[2:]


def browsed(page):
    return json.loads(re.search(r'id="samples-data">(.*?)</script>', page, re.DOTALL).group(1))


@pytest.mark.integration
@pytest.mark.timeout(1500)
def test_a_revision_that_is_none_or_has_no_results_is_named(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(finished)
    with pytest.raises(
        InputError, match="'nothing' is no revision, tag, branch or experiment here"
    ):
        revision.fetch("nothing", tmp_path)
    first = clones.git(finished, "rev-list", "--max-parents=0", "HEAD").split()[-1]
    with pytest.raises(InputError, match=f"{first}: it has no metrics/results.csv"):
        revision.fetch(first, tmp_path)

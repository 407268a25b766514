"""freshness: results that are older than the project are not shown as if they were its own."""

import json

import pytest

from reset.core import io
from reset.report import document
from reset.tools import freshness
from tests.support import clones

STAGES = {
    "train": {
        "cmd": "mkdir -p models; cp rows models/a",
        "deps": ["rows"],
        "params": ["size"],
        "outs": ["models/a"],
    },
    "evaluate": {"cmd": "cat models/* > answers", "deps": ["models"], "outs": ["answers"]},
    "report": {"cmd": "cp answers page", "deps": ["answers"], "outs": ["page"]},
    "other": {"cmd": "cp rows copy", "deps": ["rows"], "outs": ["copy"]},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    io.write_text(folder / "dvc.yaml", json.dumps({"stages": STAGES}))
    io.write_text(folder / "params.yaml", "size: 1\n")
    io.write_text(folder / "rows", "a\n")
    clones.git(folder, "init", "-q")
    clones.dvc(folder, "init", "-q")
    clones.dvc(folder, "repro")
    return folder


@pytest.fixture
def project(finished, monkeypatch):
    files = [*finished.iterdir(), *(finished / "models").iterdir()]
    kept = {path: path.read_text() for path in files if path.is_file()}
    monkeypatch.chdir(finished)
    yield finished
    for path, text in kept.items():
        path.unlink(missing_ok=True)
        path.write_text(text)


def test_results_of_a_finished_run_bear_no_mark(project):
    assert freshness.stale_stages() == []
    assert freshness.warning([31], [31]) is None


def test_a_changed_param_and_a_run_that_stopped_half_way_are_told(project):
    io.write_text("params.yaml", "size: 2\n")
    assert freshness.stale_stages() == ["train"]
    io.write_text("rows", "b\n")
    clones.dvc(project, "repro", "train")
    assert freshness.stale_stages() == ["evaluate"]
    mark = freshness.warning([31], [31])
    assert mark.startswith("OLDER RESULTS") and "evaluate; run `dvc repro`" in mark


def test_outputs_that_are_not_here_are_told(project):
    io.write_text("params.yaml", "size: 1\n")
    (project / "models/a").unlink()
    assert "train" in freshness.stale_stages()


def test_a_stage_that_never_ran_gave_nothing_to_the_results(project):
    extra = {"cmd": "cp rows models/b", "deps": ["rows"], "outs": ["models/b"]}
    io.write_text("dvc.yaml", json.dumps({"stages": {**STAGES, "extra": extra}}))
    assert freshness.stale_stages() == []


def test_results_of_other_seeds_are_told_before_dvc_is_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "of the seeds 31, but params.yaml asks for 31, 32" in freshness.warning([31], [31, 32])


def test_outside_of_a_dvc_project_nothing_is_claimed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert freshness.stale_stages() is None
    assert "unknown" in freshness.warning([31], [31])


def test_the_mark_stands_above_the_results_of_the_page():
    html = "<main>results<!-- run:start -->left out<!-- run:end --></main>"
    shown = document.with_run(html, [], "older <results>")
    assert shown.index("older &lt;results&gt;") < shown.index(">results") + 1
    assert document.with_run(html, [], None) == "<main>results</main>"

"""`dvc plots`: what dvc.yaml declares exists, with its columns and its template."""

import json
from pathlib import Path

import pytest
import yaml

from reset.report import figures, runs
from reset.training.run import curve

DECLARED = yaml.safe_load(Path("dvc.yaml").read_text()).get("plots", [])
TEMPLATES = sorted(Path(".dvc/plots").glob("*.json"))
FIGURES = [
    figures.tradeoff({}), figures.second_stage({}), figures.checkpoints([]), figures.length_through_training({}, {}),
    figures.faithfulness_by_length({}), figures.length({}, {}), figures.form({}, {}), figures.scores({}), figures.training({}),
]  # fmt: skip

LIVE = ".work/live/{name}/plots/metrics"
CURVES = {  # figures that the training stages' own files make: path, column
    "perplexity": ("metrics/train/{name}.csv", "perplexity"),
    "speed": (f"{LIVE}/tokens_per_second.tsv", "tokens_per_second"),
    "memory": (f"{LIVE}/memory_gib.tsv", "memory_gib"),
}


@pytest.mark.skipif(not DECLARED, reason="dvc.yaml declares no plots")
def test_every_figure_is_declared_with_columns_of_its_table_and_a_template_that_exists():
    columns = {figure.name: {*figure.columns} for figure in FIGURES}
    entries = [next(iter(entry.items())) for entry in DECLARED]
    entries = [(name, entry) for name, entry in entries if name not in CURVES]
    assert {name for name, _ in entries} == set(columns)
    for name, entry in entries:
        ((path, ys),) = entry["y"].items()
        assert path == f"report/plots/{name}.csv"
        assert {entry["x"], *([ys] if isinstance(ys, str) else ys)} <= columns[name]
        assert Path(f".dvc/plots/{entry['template']}.json") in TEMPLATES


def test_curves_of_training_lie_on_one_plot_for_all_trained_runs():
    trained = list(runs.START)
    for name, (path, column) in CURVES.items():
        (entry,) = [entry[name] for entry in DECLARED if name in entry]
        assert entry["y"] == {path.format(name=run + "_${seeds[0]}"): column for run in trained}
        assert (entry["x"], entry["template"]) == ("step", "runs")
    assert CURVES["perplexity"][1] in curve([], 1).split(",")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_is_vega_lite_with_dvc_s_anchors(path):
    text = path.read_text()
    spec = json.loads(text)
    assert spec["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
    assert spec["data"] == {"values": "<DVC_METRIC_DATA>"}
    assert "<DVC_METRIC_X>" in text and "<DVC_METRIC_Y>" in text
    assert '"rev"' in text  # two revisions can be told apart

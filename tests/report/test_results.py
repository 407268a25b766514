"""study: what the report rests on, read from disk."""

import csv
import json
import shutil

import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.evaluation import csv_table, metrics
from reset.report import results, runs
from tests.support import made_up_study

SETTINGS = results.ReportSettings(samples=12, draws=100, seed=0)
SETS = list(made_up_study.SETS)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("study")
    made_up_study.write(path, seeds=(0, 1, 2), prompts=4)
    return path


@pytest.fixture
def here(root, monkeypatch):
    monkeypatch.chdir(root)


def test_the_averages_equal_a_count_by_hand(here):
    found = results.load(SETTINGS, [0, 1, 2], SETS, made_up_study.ASKED)
    by_set = []
    for name, (task, _) in made_up_study.SETS.items():
        if task != "instruction":
            with open("data/answers/reset_1.jsonl") as lines:
                rows = [row for row in map(json.loads, lines) if row["dataset"] == name]
            by_set.append(sum(row["s_faithfulness"] for row in rows) / len(rows))
    expected = sum(by_set) / len(by_set)
    assert found.averages["reset", "faithfulness", "overall"][1] == pytest.approx(
        expected, abs=1e-6
    )


def test_files_of_seeds_and_sets_that_are_no_longer_asked_for_are_not_read(here):
    found = results.load(SETTINGS, [0, 2], ["nq"], made_up_study.ASKED)
    assert found.seeds == [0, 2]
    assert list(found.data) == ["nq"]
    assert set(found.curves["mtl"]) == {0, 2}
    assert found.pools["reset"]["context"].prompts == 2 * 4 * 6


def test_files_of_runs_and_pools_that_are_no_longer_asked_for_are_not_read(here):
    io.write_json("metrics/benchmarks/mtl_0.json", {"ifeval.acc": 0.5})
    asked = {"start_models": ["chat"], "evaluated": ["mtl", "stage2_end"], "pools": ["reset"]}
    found = results.load(SETTINGS, [0], SETS, {**asked, "benchmarked": []})
    assert set(found.curves) == {"mtl", "stage1", "stage2"} and set(found.pools) == {"reset"}
    assert {row["run"] for row in found.results} == {"chat", "mtl"} and not found.benchmarks


def test_no_run_is_an_error_and_not_an_empty_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no run of the seeds 0"):
        results.load(SETTINGS, [0], SETS, made_up_study.ASKED)


def test_small_files_are_missed_before_the_large_ones_are_read(here, monkeypatch):
    monkeypatch.setattr(results.io, "stream", None)
    with pytest.raises(InputError, match="metrics/data/absent.json: cannot be read"):
        results.load(SETTINGS, [0, 1, 2], ["absent"], made_up_study.ASKED)


def test_the_summary_is_flat_and_small_and_means_over_seeds(here):
    found = results.load(SETTINGS, [0, 1, 2], SETS, made_up_study.ASKED)
    summary = results.summary(found)
    assert len(summary) <= 20
    assert all(isinstance(value, float) and 0 <= value <= 1 for value in summary.values())
    values = found.averages["reset", "instruction", "overall"].values()
    assert summary["reset_instruction"] == pytest.approx(sum(values) / 3, abs=1e-4)
    assert summary["scores_missing"] == 0
    assert summary["reset_with_choice"] > 0.5


def test_the_intervals_hold_the_differences_they_belong_to(here):
    found = results.load(SETTINGS, [0, 1, 2], SETS, made_up_study.ASKED)
    for (run, other, metric, group), (low, high) in found.intervals.items():
        averages = found.kinds if run == "stage1_end" else found.averages
        gap = results.aggregate.difference(averages, run, other, metric, group)
        assert low <= gap.mean <= high, (run, other, metric, group)


def test_written_intervals_are_read_as_they_were(here, tmp_path):
    found = results.load(SETTINGS, [0, 1, 2], SETS, made_up_study.ASKED)
    path = tmp_path / "intervals.csv"
    csv_table.write(path, results.INTERVALS, results.intervals(found))
    ends, counts = results.read_intervals(path)
    assert ends.keys() == found.intervals.keys() and counts == found.counts
    for key, between in found.intervals.items():
        assert ends[key] == pytest.approx(between, abs=1e-6)


def test_no_interval_rests_on_fewer_data_sets_than_its_difference(root, tmp_path, monkeypatch):
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    answers = io.read("data/answers/reset_0.jsonl")
    for row in answers:
        if row["dataset"] == "wikisum":
            row["s_faithfulness"] = None
    io.write("data/answers/reset_0.jsonl", answers)
    table = metrics.measure("reset", 0, answers)
    csv_table.write("metrics/runs/reset_0.csv", metrics.COLUMNS, table)
    found = results.load(SETTINGS, [0, 1, 2], SETS, made_up_study.ASKED)
    assert set(found.averages["reset", "faithfulness", "overall"]) == {1, 2}
    with_interval = {
        key[3] for key in found.intervals if key[:3] == ("reset", "mtl", "faithfulness")
    }
    assert with_interval == {"seen"}


def test_the_browser_shows_the_first_seed_of_each_pool_and_the_evaluation(here):
    found = results.load(SETTINGS, [1, 2], SETS, made_up_study.ASKED)
    titles = [source["title"] for source in found.sources]
    assert titles == ["Pool reset, seed 1", "Pool reset_s, seed 1", "Evaluation, all runs, seed 1"]
    assert [len(source["rows"]) for source in found.sources] == [12, 12, 12]
    assert [len(source["rows"][0]["answers"]) for source in found.sources] == [7, 14, 11]


def test_a_curve_without_a_step_is_named(here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    io.write_text("metrics/train/mtl_0.csv", "step,loss,eval_loss\n10,1.0,\n,0.9,\n")
    with pytest.raises(InputError, match="metrics/train/mtl_0.csv:3: no step"):
        results._curves(["mtl_0"])


def test_results_hold_every_row_of_every_run(here):
    found = results.load(SETTINGS, [0, 1, 2], SETS, made_up_study.ASKED)
    lines = 0
    for run in made_up_study.LEVELS:
        names = [run] if run in runs.START_MODELS else [f"{run}_{seed}" for seed in (0, 1, 2)]
        for name in names:
            with open(f"metrics/runs/{name}.csv") as handle:
                lines += len(list(csv.DictReader(handle)))
    assert len(found.results) + len(found.ends) == lines


def test_end_checkpoints_stand_apart_from_the_runs(here):
    found = results.load(SETTINGS, [0, 1, 2], SETS, made_up_study.ASKED)
    ends = set(runs.ENDS)
    assert {row["run"] for row in found.ends} == ends
    assert not ends & {row["run"] for row in found.results}
    assert not ends & {run for run, _, _ in found.averages}
    assert not ends & {
        a["label"] for source in found.sources for row in source["rows"] for a in row["answers"]
    }
    assert found.kinds["stage2_end", "length", "instruction"]


def test_start_models_have_one_value_and_are_compared_with_every_seed(here):
    found = results.load(SETTINGS, [0, 1, 2], SETS, made_up_study.ASKED)
    assert set(found.averages["chat", "instruction", "overall"]) == {None}
    assert found.counts["grounded", "chat", "instruction", "unseen"] == (3 * 4, 3)
    assert found.seeds == [0, 1, 2]
    assert len(found.judged["nq"].ratings) == 0
    assert len(found.judged["nq"].columns["tokens"]) == 4 * (2 + 9 * 3)


def test_the_drift_of_the_first_stage_is_measured_by_kind_of_set(here):
    found = results.load(SETTINGS, [0, 1, 2], SETS, made_up_study.ASKED)
    assert found.counts["stage1_end", "stage1", "faithfulness", "extractive"] == (3 * 4, 3)
    total = 0.0
    for row in found.ends:
        is_extractive = made_up_study.SETS[row["dataset"]][0] == "extractive_qa"
        if is_extractive and (row["run"], row["metric"], row["seed"]) == ("stage1_end", "task", 1):
            total += row["value"]
    assert found.kinds["stage1_end", "task", "extractive"][1] == pytest.approx(total / 3)


def test_a_comparison_counts_its_prompts_and_seeds(here):
    found = results.load(SETTINGS, [0, 1, 2], SETS, made_up_study.ASKED)
    assert found.counts["reset", "mtl", "faithfulness", "overall"] == (6 * 4, 3)
    assert found.counts.keys() == found.intervals.keys()

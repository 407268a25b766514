"""The stage `benchmark`: lm-evaluation-harness itself on a random model and a task of three rows,
and its numbers in the report.
"""

import json
import shutil
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
import yaml

from reset.benchmarks import harness
from reset.benchmarks.harness import BenchmarkSettings
from reset.core import io, params
from reset.core.errors import InputError
from reset.report import benchmarks
from tests.support import clones, tiny_llama

needs_harness = pytest.mark.skipif(
    find_spec("lm_eval") is None,
    reason="lm-eval is not installed: pip install -c constraints.txt -e '.[benchmarks]'",
)
TEMPLATE = "{% for m in messages %}<s> {{ m['content'] }} {% endfor %}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project with one random model and the task `likely`: which word goes on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    for name in ("params.yaml", "dvc.yaml", "profiles"):
        source = clones.ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    model = tiny_llama.save(tmp_path / "models/mtl_0")
    config = json.loads((model / "tokenizer_config.json").read_text())
    io.write_json(model / "tokenizer_config.json", config | {"chat_template": TEMPLATE})
    rows = [{"text": " ".join(tiny_llama.WORDS[i : i + 3])} for i in range(3)]
    io.write("rows.jsonl", rows)
    task = {
        "task": "likely",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(tmp_path / "rows.jsonl")}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{text}}",
        "doc_to_choice": ["w1", "w2"],
        "doc_to_target": 0,
        "metric_list": [{"metric": "acc"}],
    }
    io.write_text("tasks/likely.yaml", yaml.safe_dump(task))
    return tmp_path


@needs_harness
@pytest.mark.integration
def test_the_stage_writes_the_numbers_of_a_task_and_the_report_shows_them(folder, monkeypatch):
    settings = params.load("params.yaml")
    settings["evaluation"]["benchmarks"] = {"tasks": ["likely"], "limit": 2, "include": "tasks"}
    (folder / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    monkeypatch.setattr(sys, "argv", ["benchmark.py", "mtl_0"])
    from stages import benchmark

    benchmark.main()
    numbers = json.loads((folder / "metrics/benchmarks/mtl_0.json").read_text())
    assert set(numbers) == {"likely.acc", "likely.n"} and numbers["likely.n"] == 2
    assert numbers["likely.acc"] in (0, 0.5, 1)
    shown = benchmarks.table(benchmarks.load("metrics/benchmarks", ["mtl_0"]))
    assert shown.columns == ["task", "metric", "mtl"] and shown.rows[1] == ["likely", "n", "2"]


@needs_harness
@pytest.mark.integration
def test_an_unknown_task_is_refused_before_the_model_is_loaded(folder):
    shutil.rmtree(folder / "models")
    with pytest.raises(InputError, match="'no_such_task' is no task of lm-evaluation-harness"):
        harness.evaluate(folder / "models/mtl_0", BenchmarkSettings(["no_such_task"], None, None))


NAMES = [f"{run}_{seed}" for run in ("mtl", "reset", "random") for seed in (0, 1)]


def test_prompts_are_made_as_in_training_without_thinking(tmp_path, monkeypatch):
    asked = {}
    package = SimpleNamespace(
        simple_evaluate=lambda **how: asked.update(how) or {"results": {}, "n-samples": {}}
    )
    manager = SimpleNamespace(match_tasks=lambda names: names)
    tasks = SimpleNamespace(TaskManager=lambda include_path: manager)
    monkeypatch.setitem(sys.modules, "lm_eval", package)
    monkeypatch.setitem(sys.modules, "lm_eval.tasks", tasks)
    model = tiny_llama.save(tmp_path / "model")
    assert harness.evaluate(model, BenchmarkSettings(["any"], None, None)) == {}
    assert asked["model_args"]["enable_thinking"] is False


def test_wrong_settings_are_refused(tmp_path):
    with pytest.raises(InputError, match="benchmarks.include': no folder"):
        BenchmarkSettings(["ifeval"], None, str(tmp_path / "nothing"))


def test_numbers_are_flat_and_without_standard_errors():
    results = {
        "b": {"alias": "b", "acc,none": 0.5, "acc_stderr,none": "N/A", "em,strict": 1.0},
        "a": {"alias": "a", "f1,none": 0.25, "f1_stderr,none": 0.1},
    }
    rows = {"a": {"original": 9, "effective": 4}, "b": {"original": 9, "effective": 9}}
    assert harness.flat(results, rows) == {
        "a.f1": 0.25, "a.n": 4, "b.acc": 0.5, "b.em.strict": 1.0, "b.n": 9,
    }  # fmt: skip


def test_the_table_has_a_row_a_metric_and_the_mean_over_the_study_s_seeds(tmp_path):
    io.write_json(tmp_path / "mtl_0.json", {"t.acc": 0.5, "t.n": 4})
    io.write_json(tmp_path / "mtl_1.json", {"t.acc": 0.7, "t.n": 4})
    io.write_json(tmp_path / "reset_0.json", {"u.acc": 1.0})
    io.write_json(tmp_path / "reset_9.json", {"t.acc": 0.9})
    found = benchmarks.table(benchmarks.load(tmp_path, NAMES))
    assert found.columns == ["task", "metric", "mtl", "reset"]
    assert found.rows == [
        ["t", "acc", "0.6 ± 0.14", "–"], ["t", "n", "4 ± 0", "–"], ["u", "acc", "–", "1"],
    ]  # fmt: skip
    assert benchmarks.load(tmp_path / "nothing", NAMES) == {}


def test_counts_are_whole_and_runs_stand_in_the_order_of_the_study(tmp_path):
    io.write_json(tmp_path / "random_0.json", {"squadv2.n": 11873})
    io.write_json(tmp_path / "mtl_0.json", {"squadv2.n": 11873})
    io.write_json(tmp_path / "mtl_1.json", {"squadv2.n": 11933})
    found = benchmarks.table(benchmarks.load(tmp_path, NAMES))
    assert found.columns == ["task", "metric", "mtl", "random"]
    assert found.rows == [["squadv2", "n", "11,903 ± 42", "11,873"]]

"""The pipeline as users of DVC meet it, on a smaller world: repro, experiments, queue, metrics and
plots.
"""

import json
import re
import shlex
import shutil
import time

import pytest
import yaml

from tests.pipeline.test_ablation_commands import ROWS
from tests.support import clones, warm

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]
OF_DATA = {"check_params", "fetch", "filter", "template", "evaluation_set", "mix"}
# two of the ablations of the ranking go through DVC; tests/selection/test_ranking.py has them all
RANKINGS = ("ranking.weights.task=0", "ranking.selection=random")


def test_a_run_in_another_place_writes_the_same_lock(world, tmp_path):
    """From the same data: that these are the same each time, tests/pipeline/test_data_stages.py
    says. The processes are others, too: their sets have another order.
    """
    warm.stop()
    warm.start()
    again = tmp_path / "again"
    shutil.copytree(world, again, symlinks=True)
    shutil.rmtree(again / ".work")
    shutil.rmtree(again / ".dvc/cache/runs")
    first = yaml.safe_load((world / "dvc.lock").read_text())
    stages = first["stages"]
    data = {name: stages[name] for name in stages if name.split("@")[0] in OF_DATA}
    (again / "dvc.lock").write_text(yaml.safe_dump(first | {"stages": data}))
    ran = clones.ran(clones.dvc(again, "repro", "predict@reset-1"))
    assert {"mtl@1", "sample@reset-1", "rank@reset-1", "continued@reset-1"} <= {*ran}
    assert OF_DATA.isdisjoint(name.split("@")[0] for name in ran)
    written = yaml.safe_load((again / "dvc.lock").read_text())["stages"]
    assert written == {name: stages[name] for name in written}


def test_a_second_repro_runs_nothing(world):
    for words in (
        [],
        ["--dry"],
        ["judge_ready", "models", "mix", "evaluation_set", "report"],
        ["--single-item", "report"],
    ):
        assert clones.ran(clones.dvc(world, "repro", *words)) == []
    assert "up to date" in clones.dvc(world, "status")


def test_a_changed_param_reruns_only_its_stage_and_what_hangs_from_it(world):
    output = clones.dvc(world, "exp", "run", "-S", "report.samples=5")
    assert clones.ran(output) == ["check_params", "report"]
    path = world / "params.yaml"
    path.write_text(re.sub(r"(weights:\n +task:) [\d.]+", r"\1 0.25", path.read_text()))
    stale = {stage.split("@")[0] for stage in json.loads(clones.dvc(world, "status", "--json"))}
    assert stale == {"check_params", "rank"}  # the whole file is what check_params reads


def test_tuning_a_finished_world_trains_nothing_and_shows_its_table(world):
    said = clones.shell(world, "make tune\n", {})
    assert clones.ran(said) == [] and "Faithfulness" in said and "report/this_run.html" in said


def test_a_queued_experiment_runs_and_shows_up(world):
    clones.dvc(world, "exp", "run", "--queue", "--name", "queued", "-S", "report.samples=6")
    clones.dvc(world, "queue", "start")
    deadline = time.monotonic() + 300
    while "Success" not in (status := clones.dvc(world, "queue", "status")):
        assert "Failed" not in status and time.monotonic() < deadline, status + clones.dvc(
            world, "queue", "logs", "queued"
        )
        time.sleep(2)
    clones.dvc(world, "queue", "stop", "--kill", check=False)
    assert "queued" in clones.dvc(world, "exp", "show", "--csv")
    assert "report.samples" in clones.dvc(world, "params", "diff", "queued")


def test_a_change_that_is_taken_back_trains_nothing_again(world):
    weights = (world / "models/stage1_1/model.safetensors").read_bytes()
    clones.dvc(world, "exp", "run", "-S", "train.stage1.learning_rate=1.0e-4", "stage1@1")
    assert (world / "models/stage1_1/model.safetensors").read_bytes() != weights
    clones.git(world, "checkout", "params.yaml")  # and not dvc.lock
    output = clones.dvc(world, "repro", "stage1@1")
    assert clones.ran(output) == [] and "Stage 'stage1@1' is cached" in output
    assert (world / "models/stage1_1/model.safetensors").read_bytes() == weights


def test_a_second_iteration_samples_from_the_model_of_the_first(world):
    first = (world / "data/predictions/reset_1.jsonl").read_text()
    shutil.copytree(world / "models/reset_1", world / "own/iteration_1")
    changes = ["models.chat.source=folder", "models.chat.id=own/iteration_1", "train.mtl.epochs=0"]
    words = [word for change in changes for word in ("-S", change)]
    output = clones.dvc(world, "exp", "run", *words, "sample@reset-1", "predict@mtl-1")
    assert {"models@chat", "mtl@1", "sample@reset-1", "predict@mtl-1"} <= set(clones.ran(output))
    weights = [
        (world / folder / "model.safetensors").read_bytes()
        for folder in ("own/iteration_1", "models/mtl_1")
    ]
    assert weights[0] == weights[1]
    assert (world / "data/predictions/mtl_1.jsonl").read_text() == first
    shutil.rmtree(world / "own")


def test_a_reference_may_compete_and_nothing_is_sampled_again(world):
    before = (world / "data/samples/reset_1.jsonl").read_text().splitlines()
    clones.dvc(world, "exp", "run", "-S", "sampling.pools.reset.reference=true", "rank@reset-1")
    after = (world / "data/samples/reset_1.jsonl").read_text().splitlines()
    assert set(before) < set(after) and len(after) == len(before) * 8 // 7
    candidates = [
        json.loads(line)
        for line in (world / "data/candidates/reset_1.jsonl").read_text().splitlines()
    ]
    assert all(row["candidates"][-1]["text"] == row["reference"] for row in candidates)
    winners = [c["setting"] for row in candidates for c in row["candidates"] if c["winner"]]
    assert {"reference": True} in winners


@pytest.mark.parametrize(
    "command", [words[1] for words in ROWS if words[1].strip("`").endswith(RANKINGS)]
)
def test_an_ablation_of_the_ranking_ranks_the_same_samples_anew(world, command):
    def candidates():
        rows = [
            json.loads(line)
            for line in (world / "data/candidates/reset_1.jsonl").read_text().splitlines()
        ]
        return {
            row["id"]: [(c["text"], c["score"], c["winner"]) for c in row["candidates"]]
            for row in rows
        }

    before = candidates()
    output = clones.dvc(world, *shlex.split(command.strip("`"))[1:], "rank@reset-1")
    assert clones.ran(output) == ["check_params", "rank@reset-1"]
    after = candidates()
    assert {id: [text for text, *_ in found] for id, found in after.items()} == {
        id: [text for text, *_ in found] for id, found in before.items()
    }
    assert after != before


def test_an_experiment_in_a_copy_uses_the_copys_source(world):
    report = world / "src" / "reset" / "report" / "document.py"
    report.write_text(report.read_text() + "\nraise SystemExit('the source of the copy ran')\n")
    output = clones.dvc(world, "exp", "run", "--temp", "-S", "report.samples=7", check=False)
    assert "the source of the copy ran" in output


def test_metrics_and_plots_are_shown_and_compared(world):
    shown = json.loads(clones.dvc(world, "metrics", "show", "--json"))
    numbers = shown[""]["data"]["metrics/summary.json"]["data"]
    assert 0 < len(numbers) <= 20 and all(
        isinstance(value, int | float) for value in numbers.values()
    )
    path = world / "metrics" / "summary.json"
    path.write_text(path.read_text().replace('"mtl_task": ', '"mtl_task": 1'))
    assert "mtl_task" in clones.dvc(world, "metrics", "diff", "HEAD")
    clones.dvc(world, "plots", "show", "-o", "plots")
    page = (world / "plots" / "index.html").read_text()
    assert page.count("vega") > 5
    clones.dvc(world, "plots", "diff", "HEAD", "-o", "plots")
    assert "mtl@1" in clones.dvc(world, "dag", "--dot")

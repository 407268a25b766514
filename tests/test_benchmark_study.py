"""benchmarks/study.py at its smallest, on rows of the demo world: all runs and controls come out with intervals."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import study
from reset import metrics, params, runs
from reset.errors import InputError
from reset.normalize import normalize_answer
from reset.records import write
from reset.world import publish
from reset.world.people import World
from tests.fault_server import FaultServer, Reply

ROOT = Path(__file__).parents[1]
ASKED = {"nq": "question", "alpaca": "instruction", "bioasq": "body", "vicuna_eval": "turns", "koala_eval": "prompt"}


def published(folder: Path, *names: str) -> Path:
    """A folder with at most 60 rows of each set, without the column that says which are for training."""
    world = World(0, 60, 60, 20, 0.7, 0.5, 0.45)
    for name in names:
        rows = [{k: v for k, v in row.items() if k != "split"} for row in publish.rows(name, world)]
        write(folder / f"{name}.jsonl", list({str(row[ASKED[name]]): row for row in rows}.values())[:60])
    return folder


def call(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks/study.py"), "--minutes", "60", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.integration
def test_all_runs_are_trained_sampled_judged_and_compared(tmp_path):
    rows = published(tmp_path / "rows", "nq", "alpaca", "bioasq")
    done = call(tmp_path, "--data", rows, "--out", "out", "--seeds", "0", "1")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.startswith("No GPU: toy size on the CPU")
    results = metrics.read(tmp_path / "out/results.csv")
    assert {(row["run"], row["seed"]) for row in results} >= {(run, seed) for run in runs.LEGEND for seed in (0, 1)}
    measures = {(row["metric"], row["measure"]) for row in results if row["metric"] in ("instruction", "faithfulness")}
    assert measures == {("instruction", "rouge_l"), ("faithfulness", "span")}
    entries = {entry["name"]: entry for entry in json.loads(done.stdout.splitlines()[-1])}
    assert "instruction of reset against random" in entries and "faithfulness of reset against mtl" in entries
    assert all(len(entry["difference_interval"]) == 2 for entry in entries.values())

    page, text = ((tmp_path / "out" / name).read_text() for name in ("index.html", "report.md"))
    for term in (
        "toy size on the CPU. No number here says anything", "Revision ", "--seeds 0 1", "vicuna_eval: left out",
        "base is chat itself", "tiny one with random weights", "for its gold passage", "Sizes: at most 8 training rows",
        "measured by rouge_l", "first passage copied whole", "s in all, seeds 0, 1",
    ):  # fmt: skip
        assert all(term in told for told in (done.stdout, page, text)), term
    assert page.index("Terms of this run") < page.index('<section id="results"') and text.index("## Terms") < 500
    assert "evaluate@control-1: " in (tmp_path / "out/seed_1.log").read_text()

    again = call(tmp_path, "--data", rows, "--out", "out")
    assert again.returncode == 1 and "out holds a report already" in again.stderr


@pytest.mark.integration
def test_a_judge_rates_the_requests_without_reference_and_base_is_a_model_of_its_own(tmp_path):
    rows = published(tmp_path / "rows", *ASKED)
    base = study.tiny_model(tmp_path / "pretrained", [rows / "alpaca.jsonl"])
    with FaultServer() as server:
        done = call(tmp_path, "--data", rows, "--out", "out", "--judge", server.url, "lenient", "--base", base)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert {(request["body"]["model"], request["body"]["max_tokens"]) for request in server.requests} == {
        ("lenient", 512)
    }
    rated = [row for row in metrics.read(tmp_path / "out/results.csv") if row["metric"] == "instruction"]
    assert {row["dataset"] for row in rated} == {"alpaca", "vicuna_eval", "koala_eval"}
    assert {row["run"] for row in rated} >= set(runs.LEGEND) and {row["value"] for row in rated} == {0.7}
    report = (tmp_path / "out/report.md").read_text()
    assert "by lenient" in report and "base: pretrained" in report and "base is chat itself" not in report
    models = params.load(tmp_path / "out/params.yaml")["models"]
    assert models["base"]["id"] == str(base) and models["chat"]["id"] != models["base"]["id"]


@pytest.mark.integration
def test_a_seed_whose_judge_gives_no_ratings_fails_and_leaves_its_log(tmp_path):
    rows = published(tmp_path / "rows", "nq", "alpaca")
    with FaultServer(lambda prompt, before: Reply(text="Fine.")) as server:
        done = call(tmp_path, "--data", rows, "--out", "out", "--judge", server.url, "silent")
    assert done.returncode == 1 and "no seed was finished" in done.stderr
    assert "seed 0: failed in judge_instruction@reset-0, left out" in done.stdout and "max_missing" in done.stdout
    log = (tmp_path / "out/seed_0.log").read_text()
    assert "mtl@0: " in log and "InputError" in log
    assert params.load(tmp_path / "out/params.yaml")["judges"]["max_missing"] == 0.01


@pytest.mark.parametrize("missing", ["nq", "alpaca"])
def test_a_missing_set_is_named(tmp_path, missing):
    write(tmp_path / ("alpaca.jsonl" if missing == "nq" else "nq.jsonl"), [{}])
    done = call(tmp_path, "--data", tmp_path)
    assert done.returncode == 1 and f"no {missing}.jsonl in" in done.stderr


def test_the_settings_are_those_of_the_project_and_the_paper():
    settings = study.profile(study.SIZES["gpu"], ["nq", "alpaca"], ["http://localhost:8000/v1", "mine"], [0])
    assert {run: settings["train"][run]["batch"] for run in runs.START} == {
        "stage1": 16, "grounded": 16, **dict.fromkeys(("stage2", "mtl", "direct", "reset"), 32),
        **dict.fromkeys(("reset_s", "random", "control"), 32),
    }  # fmt: skip
    assert settings["judges"]["max_missing"] == 0.01
    assert settings["judges"]["instruction"]["openai"]["max_tokens"] == 512


def test_a_judge_that_may_cost_money_is_refused():
    with pytest.raises(InputError, match="https://api.openai.com/v1 is not on this machine"):
        study.profile(study.SIZES["toy"], ["nq", "alpaca"], ["https://api.openai.com/v1", "dear"], [0])


# ---- what is held out of training --------------------------------------------------------------------------------


def question(number: int, passage: str, asked: str = "") -> dict:
    return {
        "question": asked or f"who built house {number}",
        "answers": ["Ann Lee"],
        "ctxs": [
            {"title": "", "text": passage},
            {"title": "", "text": "The same distractor stands in every row here."},
        ],
    }


def passage(number: int, first: int = 0) -> str:
    """Twenty words of their own, from the word `first` on, and the answer."""
    return " ".join(f"word{number}x{i}" for i in range(first, first + 20)) + ", by Ann Lee"


def test_no_training_row_has_the_question_or_the_gold_passage_of_an_evaluation_row(tmp_path):
    rows = [question(i, passage(i)) for i in range(40)]
    rows += [question(100 + i, passage(i)) for i in range(40)]  # other questions about the same passages
    rows += [question(200 + i, passage(i, first=5)) for i in range(40)]  # and about passages that overlap with them
    rows += [question(i, passage(300 + i), f"Who built the house {i}?") for i in range(40)]  # questions asked again
    write(tmp_path / "nq.jsonl", rows)
    kept, questions, passages = study.held_out(tmp_path / "nq.jsonl", 12, 13)
    test, train = ([row for row in kept if row["split"] == split] for split in ("test", "train"))
    assert len(test) == 12 and len(test) + len(train) + questions + passages == len(rows)
    assert questions and passages

    def words(row: dict) -> set[str]:
        return set(row["ctxs"][0]["text"].split()) - {"by", "Ann", "Lee"}

    seen = set().union(*map(words, test))
    assert train and not any(words(row) & seen for row in train)
    asked = {normalize_answer(row["question"]) for row in test}
    assert not any(normalize_answer(row["question"]) in asked for row in train)

    random.Random(0).shuffle(rows)
    write(tmp_path / "shuffled.jsonl", rows)
    again, *counts = study.held_out(tmp_path / "shuffled.jsonl", 12, 13)
    assert again == kept and counts == [questions, passages]


def test_the_score_of_copying_the_first_passage_is_told():
    rows = [
        {"dataset": "nq", "task": "extractive_qa", "context": ["Ann Lee built it.", "Bo Day."], "references": [answer]}
        for answer in ("Ann Lee", "Bo Day")
    ]
    rows.append({"dataset": "alpaca", "task": "instruction", "context": [], "references": ["Hi"]})
    (told,) = study.first_passage(rows)
    assert "faithfulness 1.00 and task 0.00 on nq (n = 2)" in told and "answer in 50.0 % of" in told


# ---- seeds side by side ------------------------------------------------------------------------------------------

TWO_STAGES = """
stages:
  first: {matrix: {seed: "${seeds}"}, cmd: none, outs: ["a_${item.seed}"]}
  second: {matrix: {seed: "${seeds}"}, cmd: none, deps: ["a_${item.seed}"], outs: ["b_${item.seed}": {cache: false}]}
"""


@pytest.fixture
def two_stages(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(TWO_STAGES)
    Path("params.yaml").write_text("data: {datasets: {}}\n")


def make(name: str, item: dict) -> bool:
    """Writes the item's out and a line to the log, if its dep is there."""
    with open(f"seed_{item['seed']}.log", "a") as log, open("order.txt", "a") as everything:
        log.write(f"did {name}\n")
        everything.write(f"{name}@{item['seed']} ")
    if name == "second" and not Path(f"a_{item['seed']}").exists():
        return False
    Path(f"{'a' if name == 'first' else 'b'}_{item['seed']}").touch()
    return True


def fail_in_1_and_hang_in_2(name: str, item: dict) -> bool:
    make(name, item)
    if name == "second" and item["seed"] == 2:
        time.sleep(10_000)
    return not (name == "second" and item["seed"] == 1)


def meet_the_other_seed(name: str, item: dict) -> bool:
    make(name, item)
    while name == "first" and not Path(f"a_{1 - item['seed']}").exists():
        time.sleep(0.01)
    return True


def be_killed(name: str, item: dict) -> bool:
    if name == "second" and item["seed"] == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return make(name, item)


def test_earlier_seeds_are_finished_first(two_stages):
    assert study.run_seeds([4, 5], 1, lambda: 100, [], make) == ([4, 5], [])
    assert Path("order.txt").read_text().split() == ["first@4", "second@4", "first@5", "second@5"]


def test_items_work_side_by_side(two_stages):
    assert study.run_seeds([0, 1], 2, lambda: 100, [], meet_the_other_seed) == ([0, 1], [])


def test_a_seed_that_fails_or_is_not_finished_is_left_out_and_its_log_is_printed(two_stages, capsys):
    notes: list[str] = []
    left = iter([100.0] * 5 + [0.1, 0.0])  # asked before each item: the sixth is the one that hangs
    assert study.run_seeds([0, 1, 2], 1, lambda: next(left), notes, fail_in_1_and_hang_in_2) == ([0], [1])
    assert notes == [
        "seed 1: failed in second@1, left out",
        "seed 2: left out, 1 of 2 items were left when the time was up",
    ]
    assert capsys.readouterr().out == "".join(f"{note}\ndid first\ndid second\n\n" for note in notes)


def test_a_killed_process_fails_the_seeds_that_are_not_finished(two_stages):
    assert study.run_seeds([0, 1, 2], 1, lambda: 100, [], be_killed) == ([0], [1, 2])


def test_without_time_nothing_is_begun(two_stages):
    assert study.run_seeds([0], 1, lambda: 0, [], make) == ([], [])
    assert not Path("order.txt").exists()

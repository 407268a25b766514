"""docs/ablations.md: each command sets what its stages accept, and makes the stages stale that the
page says.
"""

import shlex
import shutil
from pathlib import Path

import pytest

from reset.core import params
from reset.data.pools.prompt_pools import Pool
from reset.generation import engines
from reset.generation.decoding import Grid
from reset.judges.faithfulness import measure
from reset.judges.instruction.settings import InstructionSettings
from reset.judges.task.measure import TaskSettings
from reset.selection import ranking
from reset.training.settings import RunSettings
from tests.docs import test_docs
from tests.pipeline import test_stale
from tests.pipeline.test_graph import covers

PAGE = Path("docs/ablations.md")
ROWS = test_docs.table(str(PAGE), "ablation")
COMMANDS = [words for words in test_docs.commands(PAGE) if words[:3] == ["dvc", "exp", "run"]]


def settings(words: list[str]) -> list[str]:
    """The `key=value` of every -S of a command."""
    return [words[place + 1] for place, word in enumerate(words) if word == "-S"]


def commands(row: list[str]) -> list[str]:
    return settings(shlex.split(test_docs.codes(row[1])[0]))


def applied(changes: list[str], tmp_path: Path) -> dict:
    """params.yaml with the changes of one command, as `dvc exp run -S` makes them."""
    from dvc.utils.hydra import apply_overrides

    path = tmp_path / "params.yaml"
    shutil.copy("params.yaml", path)
    apply_overrides(path, changes)
    return params.load(path)


def build_everything(given: dict) -> None:
    """What the stages make of the sections that an ablation may touch; an InputError where they
    would refuse it.
    """
    params.check_keys(given, params.load(params.REFERENCE), "params.yaml")
    sampling, judges = given["sampling"], given["judges"]
    params.build(Grid, {name: sampling[name] for name in Grid.__annotations__}, "sampling")
    params.build(
        engines.EngineSettings,
        {name: sampling[name] for name in engines.EngineSettings.__annotations__},
        "sampling",
    )
    for name, pool in sampling["pools"].items():
        params.build(Pool, pool, f"sampling.pools.{name}")
    params.build(ranking.RankingSettings, given["ranking"], "ranking")
    params.build(TaskSettings, judges["task"], "judges.task")
    params.build(measure.FaithfulnessSettings, judges["faithfulness"], "judges.faithfulness")
    params.build(InstructionSettings, judges["instruction"], "judges.instruction")
    params.build(RunSettings, given["train"]["mtl"], "train.mtl")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].replace(" ", "_"))
def test_an_ablation_changes_the_params_and_its_stages_are_those_of_the_table(row, tmp_path):
    changes = commands(row)
    changed = applied(changes, tmp_path)
    build_everything(changed)
    assert changed != params.load("params.yaml")
    keys = [change.split("=")[0] for change in changes]
    stale = [
        stages
        for key in keys
        for known, stages in test_stale.STALE.items()
        if covers(known, key) or covers(key, known)
    ]
    assert sorted({stage for stages in stale for stage in stages}) == test_docs.codes(row[2])


def test_another_iteration_is_a_setting_that_the_stages_accept(tmp_path):
    (command,) = COMMANDS
    given = applied(settings(command), tmp_path)
    build_everything(given)
    assert given["models"]["chat"]["source"] == "folder" and given["train"]["mtl"]["epochs"] == 0


def test_the_table_covers_what_one_may_ask_for():
    keys = {change.split("=")[0] for row in ROWS for change in commands(row)}
    for start in (
        "ranking.weights",
        "ranking.selection",
        "judges.task",
        "judges.faithfulness",
        "judges.instruction",
    ):
        assert any(key.startswith(start) for key in keys)
    assert {"sampling.top_k", "sampling.temperatures"} <= keys
    assert {f"sampling.pools.reset.{name}" for name in Pool.__annotations__} <= keys

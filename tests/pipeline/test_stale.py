"""Which stages a change of each parameter makes stale, as `dvc status` says it."""

import json
import subprocess
import sys

import pytest
import yaml

from tests.pipeline.test_graph import covers, leaves
from tests.support import clones

TRAINED = ["continued", "direct", "grounded", "mtl", "stage1", "stage2"]
ENGINE = ["predict", "predict_start_models", "sample"]
FAITHFULNESS = [
    "judge_predictions_faithfulness",
    "judge_samples_faithfulness",
    "judge_start_models_faithfulness",
]
INSTRUCTION = [
    "judge_predictions_instruction",
    "judge_samples_instruction",
    "judge_start_models_instruction",
]
TASK = ["judge_predictions_task", "judge_samples_task"]

# parameter (or section) -> stages that run again because of it; what hangs from them follows by
# their outputs
STALE = {
    "data.mirror": ["fetch"],
    "data.world": ["calibrate", "fetch", "models"],
    "data.seed": ["evaluation_set", "filter", "mix"],
    "data.retrieval": ["filter"],
    "data.passages": ["filter"],
    "data.rows_with_input": ["filter"],
    "data.overlong": ["template"],
    "data.max_tokens": ["template"],
    "data.constraints": ["template"],
    "template.style": ["models", "template"],
    "data.ngram": ["mix"],
    "data.dev": ["mix"],
    "data.datasets.*.source": ["evaluation_set", "fetch", "filter", "mix", "report"],
    "data.datasets.*.train": ["evaluation_set", "filter", "mix", "report"],
    "data.datasets.*.eval": ["evaluation_set", "filter", "mix", "report"],
    "models.base": ["models"],
    "models.reward": ["models"],
    "models.detector": ["models"],
    "models.chat": ["models"],
    "models.nli": ["calibrate", "models"],
    "models.toy": ["models"],
    "train.shared": TRAINED,
    "train.stage1": ["stage1"],
    "train.stage2": ["stage2"],
    "train.grounded": ["grounded"],
    "train.mtl": ["mtl"],
    "train.reset": ["continued"],
    "train.reset_s": ["continued"],
    "train.random": ["continued"],
    "train.control": ["continued"],
    "train.direct": ["direct"],
    "sampling.engine": ENGINE,
    "sampling.precision": ENGINE,
    "sampling.batch_tokens": ENGINE,
    "sampling.workers": ENGINE,
    "sampling.vllm": ENGINE,
    "sampling.openai": ENGINE,
    "sampling.temperatures": ["sample"],
    "sampling.top_k": ["sample"],
    "sampling.top_k_temperature": ["sample"],
    "sampling.max_new_tokens": ["sample", "template"],
    "sampling.pools.*": ["sample"],
    "judges.max_missing": sorted([*FAITHFULNESS, *INSTRUCTION, *TASK]),
    "judges.task": TASK,
    **{
        f"judges.faithfulness.{key}": FAITHFULNESS
        for key in ("extractive", "abstractive", "use_contradiction")
    },
    **{
        f"judges.faithfulness.{key}": ["calibrate", *FAITHFULNESS]
        for key in ("precision", "batch_tokens", "devices")
    },
    "judges.instruction": sorted([*INSTRUCTION, "judge_settings"]),
    "ranking.weights": ["rank"],
    "ranking.selection": ["rank"],
    "ranking.ties": ["rank"],
    "ranking.cut_samples": ["rank", "rank_controls"],
    "ranking.dev": ["rank", "rank_controls"],
    "evaluation.max_new_tokens": ["predict", "predict_start_models", "template"],
    "report.samples": ["report"],
    "report.draws": ["report"],
    "report.seed": ["report"],
    "report.labelled": ["calibrate"],
}
KINDS = ("pools", "continued", "start_models", "evaluated", "benchmarked")
BENCHMARKS = ("tasks", "limit", "include")  # no run of the demo is benchmarked
ELSEWHERE = (
    "seeds",
    "data.templates",
    "judges.probe",
    *(f"runs.{kind}" for kind in KINDS),
    *(f"evaluation.benchmarks.{key}" for key in BENCHMARKS),
)
# they change the stages and dependencies themselves


@pytest.fixture(scope="module")
def stale(tmp_path_factory) -> dict[str, set[str]]:
    """Leaf of params.yaml -> stages that `dvc status` calls changed, all leaves but ELSEWHERE
    changed at once.
    """
    folder = clones.copy(tmp_path_factory.mktemp("stale"))
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text())
    names = [leaf for leaf in leaves(params) if leaf not in ELSEWHERE]
    for leaf in names:
        change(params, leaf)
    path.write_text(yaml.safe_dump(params, sort_keys=False))
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    status = json.loads(
        subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    )
    found: dict[str, set[str]] = {leaf: set() for leaf in names}
    for stage, reasons in status.items():
        for reason in reasons:
            for key in (
                isinstance(reason, dict)
                and reason.get("changed deps", {}).get("params.yaml", {})
                or ()
            ):
                for leaf in names:
                    if covers(key, leaf):
                        found[leaf].add(stage.split("@")[0])
    return found


def change(params: dict, leaf: str) -> None:
    """Give one leaf another value of its kind."""
    *parents, last = leaf.split(".")
    for part in parents:
        params = params[part]
    old = params[last]
    if isinstance(old, bool) or old is None or old == {}:
        params[last] = 7
    elif isinstance(old, int | float):
        params[last] = old + 1
    else:
        params[last] = [*old, 7] if isinstance(old, list) else f"{old}x"


def test_every_leaf_makes_exactly_its_stages_stale(stale):
    wrong = {}
    for leaf, stages in stale.items():
        expected = [v for k, v in STALE.items() if covers(k, leaf)]
        if len(expected) != 1 or sorted(stages) != expected[0]:
            wrong[leaf] = (sorted(stages), expected)
    assert wrong == {}


def test_the_table_has_no_line_without_a_leaf(stale):
    assert [key for key in STALE if not any(covers(key, leaf) for leaf in stale)] == []


def test_a_change_reruns_nothing_before_it():
    """What must never be upstream of what: a weight resamples nothing, a judge retrains no
    multi-task model.
    """
    downstream = reachable()
    assert not downstream["rank"] & {
        "sample",
        "mtl",
        "judge_samples_task",
        "judge_samples_faithfulness",
        "judge_samples_instruction",
    }
    for judge in ("judge_samples_task", "judge_samples_faithfulness", "judge_samples_instruction"):
        assert not downstream[judge] & {"sample", "mtl", "stage1", "stage2", "grounded"}
    assert not downstream["predict"] & {*TRAINED, "sample", "rank"}
    assert not downstream["report"]
    assert downstream["rank"] >= {"continued", "direct", "predict", "evaluate", "report"}


def reachable() -> dict[str, set[str]]:
    """Stage group -> the groups downstream of it, in DVC's own graph."""
    import networkx
    from dvc.repo import Repo

    edges = Repo(str(clones.ROOT)).index.graph  # from a stage to what it depends on
    found: dict[str, set[str]] = {}
    for stage in edges:
        group = stage.name.split("@")[0]
        after = {other.name.split("@")[0] for other in networkx.ancestors(edges, stage)}
        found[group] = found.get(group, set()) | after
    return found

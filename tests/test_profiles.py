"""Every profile is one that the stages would take: all sections build, and what must agree between them does."""

from pathlib import Path

import pytest

from reset import (
    decoding,
    engines,
    filtering,
    mixtures,
    models,
    params,
    pools,
    prompting,
    ranking,
    study,
    templates,
    training,
)
from reset.datasets import chosen
from reset.engines import vllm_engine
from reset.judges import faithfulness, llm, task

PROFILES = ["params.yaml", *sorted(map(str, Path("profiles").glob("*.yaml")))]
RUNS = ("stage1", "stage2", "grounded", "mtl", "direct", "reset", "reset_s", "random", "control")


def part(cls, section):
    """The part of a section that one of its dataclasses holds; a field that the section lacks comes from elsewhere."""
    return {name: section[name] for name in cls.__annotations__ if name in section}


@pytest.fixture(params=PROFILES)
def profile(request):
    return params.load(request.param)


def test_every_section_builds(profile):
    data, sampling, judges = profile["data"], profile["sampling"], profile["judges"]
    for name, section in data["datasets"].items():
        chosen(name, section)
    for module in (filtering, mixtures):
        params.build(module.Settings, part(module.Settings, data), "data")
    params.build(templates.Settings, profile["template"], "template")
    for name in ("base", "chat", "nli"):
        params.build(models.Source, profile["models"][name], f"models.{name}")
    params.build(training.Shared, profile["train"]["shared"], "train.shared")
    for cls in (engines.Settings, decoding.Grid):
        params.build(cls, part(cls, sampling), "sampling")
    if sampling["engine"] == "vllm":
        params.build(vllm_engine.Options, sampling["vllm"], "sampling.vllm")
    for pool in ("reset", "reset_s"):
        params.build(pools.Pool, sampling["pools"][pool], f"sampling.pools.{pool}")
    params.build(task.Settings, judges["task"], "judges.task")
    params.build(faithfulness.Settings, judges["faithfulness"], "judges.faithfulness")
    params.build(llm.Settings, judges["instruction"], "judges.instruction")
    params.build(ranking.Settings, profile["ranking"], "ranking")
    params.build(study.Settings, part(study.Settings, profile["report"]), "report")


@pytest.mark.parametrize("run", RUNS)
def test_every_run_shares_its_batch_out_over_the_processes(profile, run):
    shared = params.build(training.Shared, profile["train"]["shared"], "train.shared")
    recipe = params.build(training.Recipe, profile["train"][run], f"train.{run}")
    processes = int(shared.launch.split()[-1]) if shared.launch else 1
    job = training.Job(run, 0, Path("start"), Path("train"), Path("dev"), shared, recipe)
    micro, accumulation = training.division(job, processes)
    assert micro * accumulation * processes == recipe.batch


def test_what_is_rendered_can_be_trained_on(profile):
    assert profile["data"]["max_tokens"] <= profile["train"]["shared"]["max_length"]
    assert prompting.SPECIAL_TOKENS + profile["sampling"]["max_new_tokens"] < profile["data"]["max_tokens"]
    assert (profile["data"]["mirror"] == "toy") == (profile["data"]["world"] is not None)

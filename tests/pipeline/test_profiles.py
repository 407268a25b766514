"""Every profile is one that the stages would take: all sections build, and what must agree between
them does.
"""

from pathlib import Path

import pytest

from reset.core import params
from reset.data.mixes import mixtures
from reset.data.pools import prompt_pools
from reset.data.prompts import render_prompts, templates
from reset.data.records import build_records
from reset.data.sources.dataset_config import chosen
from reset.generation import decoding, engines
from reset.generation.engines import vllm_engine
from reset.judges.faithfulness import measure
from reset.judges.instruction.settings import InstructionSettings
from reset.judges.task.measure import TaskSettings
from reset.models import folder
from reset.report import results
from reset.selection import ranking
from reset.training import settings

PROFILES = ["params.yaml", *sorted(map(str, Path("profiles").glob("*.yaml")))]
RUNS = ("stage1", "stage2", "grounded", "mtl", "direct", "reset", "reset_s", "random", "control")


def part(cls, section):
    """The part of a section that one of its dataclasses holds; a field that the section lacks comes
    from elsewhere.
    """
    return {name: section[name] for name in cls.__annotations__ if name in section}


@pytest.fixture(params=PROFILES)
def profile(request):
    return params.load(request.param)


def test_every_section_builds(profile):
    data, sampling, judges = profile["data"], profile["sampling"], profile["judges"]
    for name, section in data["datasets"].items():
        chosen(name, section)
    for settings_class in (build_records.FilterSettings, mixtures.MixSettings):
        params.build(settings_class, part(settings_class, data), "data")
    params.build(templates.TemplateSettings, profile["template"], "template")
    for name in folder.NAMES:
        params.build(folder.ModelSource, profile["models"][name], f"models.{name}")
    params.build(settings.SharedSettings, profile["train"]["shared"], "train.shared")
    for cls in (engines.EngineSettings, decoding.Grid):
        params.build(cls, part(cls, sampling), "sampling")
    if sampling["engine"] == "vllm":
        params.build(vllm_engine.VllmOptions, sampling["vllm"], "sampling.vllm")
    for pool in profile["runs"]["pools"]:
        params.build(prompt_pools.Pool, sampling["pools"][pool], f"sampling.pools.{pool}")
    params.build(TaskSettings, judges["task"], "judges.task")
    params.build(measure.FaithfulnessSettings, judges["faithfulness"], "judges.faithfulness")
    params.build(InstructionSettings, judges["instruction"], "judges.instruction")
    params.build(ranking.RankingSettings, profile["ranking"], "ranking")
    params.build(results.ReportSettings, part(results.ReportSettings, profile["report"]), "report")


@pytest.mark.parametrize("run", RUNS)
def test_every_run_shares_its_batch_out_over_the_processes(profile, run):
    shared = params.build(settings.SharedSettings, profile["train"]["shared"], "train.shared")
    recipe = params.build(settings.RunSettings, profile["train"][run], f"train.{run}")
    processes = int(shared.launch.split()[-1]) if shared.launch else 1
    job = settings.Job(run, 0, Path("start"), Path("train"), Path("dev"), shared, recipe)
    micro, accumulation = settings.split_batch(job, processes)
    assert micro * accumulation * processes == recipe.batch


def test_what_is_rendered_can_be_trained_on(profile):
    assert profile["data"]["max_tokens"] <= profile["train"]["shared"]["max_length"]
    assert (
        render_prompts.SPECIAL_TOKENS + profile["sampling"]["max_new_tokens"]
        < profile["data"]["max_tokens"]
    )
    assert (profile["data"]["mirror"] == "toy") == (profile["data"]["world"] is not None)


def test_the_small_paper_profile_differs_in_its_head_and_its_caps_alone():
    full = Path("profiles/paper.yaml").read_text().splitlines()
    small = Path("profiles/paper_small.yaml").read_text().splitlines()
    assert len(small) == len(full)
    changed = [(a, b) for a, b in zip(full[4:], small[4:], strict=True) if a != b]
    assert len(changed) == 5
    for line, capped in changed:
        assert capped == line.replace("train: null", "train: 20000")

"""A whole params.yaml as one class, made of the settings of all stages: checked before any stage
runs, and the source of params.schema.json, by which editors complete and check the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, TypeAdapter

from reset.benchmarks.harness import BenchmarkSettings
from reset.core import params
from reset.core.errors import InputError
from reset.core.params import Count, Share
from reset.core.tasks import CONTEXT_TASKS
from reset.data.datasets import custom, registry
from reset.data.mixes.mixtures import MixSettings
from reset.data.pools.prompt_pools import Pool
from reset.data.prompts.render_prompts import PromptSettings
from reset.data.prompts.templates import TemplateSettings
from reset.data.records.build_records import FilterSettings
from reset.data.sources.dataset_config import DataSet, chosen, own_source
from reset.generation.decoding import Grid
from reset.generation.engines import EngineSettings
from reset.generation.engines.options import OpenAIEngineOptions, VllmOptions
from reset.judges.faithfulness.measure import FaithfulnessSettings
from reset.judges.instruction.settings import InstructionSettings
from reset.judges.task.measure import TaskSettings
from reset.models.folder import ModelSource, Toy
from reset.report.results import ReportSettings
from reset.selection.ranking import RankingSettings
from reset.training import settings as training
from reset.world.language.people import World

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Name = Annotated[str, Field(pattern=f"^{params.NAME.pattern}$")]
Seed = Annotated[int, Field(ge=0, lt=params.SEEDS)]
# in the schema; `check` and `core.params.check_names` say which is given twice
Distinct = Field(json_schema_extra={"uniqueItems": True})
Seeds = Annotated[list[Seed], Field(min_length=1), Distinct]
Continued = Literal["reset", "reset_s", "random", "control"]
Evaluated = Literal[
    "stage1",
    "stage1_end",
    "stage2",
    "stage2_end",
    "grounded",
    "grounded_end",
    "mtl",
    "direct",
    Continued,
]

MODEL_OF = {  # of a measure of faithfulness, in `models`
    "summac_zs": "nli",
    "summac_package": "nli",
    "minicheck": "detector",
    "lettucedetect": "detector",
}


@dataclass(frozen=True)
class RunsSection:
    """`runs`: what is computed."""

    pools: Annotated[list[Name], Distinct]
    continued: Annotated[list[Continued], Distinct]
    start_models: Annotated[list[Literal["base", "chat"]], Distinct]
    evaluated: Annotated[list[Evaluated], Distinct]
    benchmarked: Annotated[list[Evaluated], Distinct]


@dataclass(frozen=True)
class DataSection(FilterSettings, MixSettings):
    """`data`. `mirror`: toy (the demo world), a folder of <dataset>.jsonl, or null (the hub);
    `templates`: a folder below prompts/.
    """

    mirror: str | None
    world: World | None
    templates: str
    overlong: Literal["trim_context", "drop", "raise"]
    max_tokens: Count
    constraints: Share
    datasets: dict[Name, DataSet]


@dataclass(frozen=True)
class ModelsSection:
    """`models`: where the models come from, and how the demo's are made."""

    base: ModelSource
    chat: ModelSource
    nli: ModelSource
    reward: ModelSource
    detector: ModelSource
    toy: Toy | None


@dataclass(frozen=True)
class TrainSection:
    """`train`: what all runs have in common, and the settings of each."""

    shared: training.SharedSettings
    stage1: training.RunSettings
    stage2: training.RunSettings
    grounded: training.RunSettings
    mtl: training.RunSettings
    reset: training.RunSettings
    reset_s: training.RunSettings
    random: training.RunSettings
    control: training.RunSettings
    direct: training.RunSettings


@dataclass(frozen=True)
class SamplingSection(Grid, EngineSettings):
    """`sampling`: what is drawn, by which engine, for which pools."""

    vllm: VllmOptions | None  # type: ignore[assignment]  # the engine builds it from its mapping
    openai: OpenAIEngineOptions | None  # type: ignore[assignment]
    max_new_tokens: Count
    pools: dict[Name, Pool]


@dataclass(frozen=True)
class JudgesSection:
    """`judges`. `max_missing`: the share of null scores above which a stage fails."""

    max_missing: Share
    probe: Annotated[list[Literal["endpoint"]], Distinct]  # or none: dvc.yaml has a stage for each
    task: TaskSettings
    faithfulness: FaithfulnessSettings
    instruction: InstructionSettings


@dataclass(frozen=True)
class EvaluationSection:
    """`evaluation`."""

    max_new_tokens: Count
    benchmarks: BenchmarkSettings


@dataclass(frozen=True)
class ReportSection(ReportSettings):
    """`report`. `labelled`: a folder of nli_*.jsonl and summac_*.jsonl, to measure models.nli
    on.
    """

    labelled: str | None


@dataclass(frozen=True)
class Params:
    """The settings of a study: params.yaml, or one of the profiles."""

    runs: RunsSection
    seeds: Seeds
    data: DataSection
    template: TemplateSettings
    models: ModelsSection
    train: TrainSection
    sampling: SamplingSection
    judges: JudgesSection
    ranking: RankingSettings
    evaluation: EvaluationSection
    report: ReportSection


def check(given: Mapping[str, Any]) -> Params:
    """The settings of a whole params.yaml, checked as the stages check their parts of it;
    InputError for the first key at fault.
    """
    params.check_names(given)
    found = params.build(Params, given, "")
    judged = set()
    for name, dataset in given["data"]["datasets"].items():
        own = own_source(name, chosen(name, dataset).source)
        if own:
            custom.check_mapping(name, own)
        judged.add(registry.task(name, dataset["source"]))
    answer_tokens = max(found.sampling.max_new_tokens, found.evaluation.max_new_tokens)
    data = found.data
    PromptSettings(data.templates, data.overlong, data.max_tokens, data.constraints, answer_tokens)
    _check_pools(found)
    _check_runs(found)
    _check_measures(found, judged & {*CONTEXT_TASKS})
    return found


def _check_pools(found: Params) -> None:
    """A pool that is named elsewhere must have settings, or its name is misspelt."""
    judge = found.judges.instruction.openai
    named = [(f"runs.pools[{place}]", name) for place, name in enumerate(found.runs.pools)]
    if judge:
        models = "judges.instruction.openai.pool_models"
        named += [(f"{models}.{name}", name) for name in judge.pool_models]
    for key, name in named:
        if name not in found.sampling.pools:
            known = ", ".join(found.sampling.pools)
            raise InputError(
                f"params.yaml: '{key}': expected a pool of sampling.pools ({known}), got '{name}'"
            )


def _check_runs(found: Params) -> None:
    """No run twice; a run that is evaluated must be trained, on samples that are there."""
    runs = found.runs
    for key, names in vars(runs).items():
        for place, name in enumerate(names):
            if name in names[:place]:
                raise InputError(f"params.yaml: 'runs.{key}[{place}]': {name} is given twice")
    for place, run in enumerate(runs.continued):
        pool = "reset" if run in ("random", "control") else run
        if pool not in runs.pools:
            raise InputError(
                f"params.yaml: 'runs.continued[{place}]': {run} needs the pool {pool}; add it to"
                " runs.pools"
            )
    untrained = {*get_args(Continued)} - {*runs.continued}
    for key, names in (("evaluated", runs.evaluated), ("benchmarked", runs.benchmarked)):
        for place, name in enumerate(names):
            if name in untrained:
                raise InputError(
                    f"params.yaml: 'runs.{key}[{place}]': {name} is not trained; add it to"
                    " runs.continued, or leave it out here"
                )
            if name == "direct" and "reset" not in runs.pools:
                raise InputError(
                    f"params.yaml: 'runs.{key}[{place}]': direct needs the pool reset; add it to"
                    " runs.pools"
                )


def _check_measures(found: Params, judged: set[str]) -> None:
    """A measure of faithfulness that asks a model needs one, where rows of its tasks are judged."""
    judge = found.judges.faithfulness
    measures = {"extractive": judge.extractive, "abstractive": judge.abstractive}
    for key, measure in measures.items():
        of_key = {task for task in judged if (task == "extractive_qa") == (key == "extractive")}
        model = MODEL_OF.get(measure)
        if of_key and model and getattr(found.models, model).source == "none":
            raise InputError(
                f"params.yaml: 'models.{model}.source' is none, but judges.faithfulness.{key} is"
                f" {measure}, which asks it of {', '.join(sorted(of_key))}; name a model there, or"
                " another measure, such as span"
            )


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of params.yaml and the profiles: all keys, no other, and the
    type of each.
    """
    files = TypeAdapter(dict[str, Params], config=params.RULES).json_schema()
    return {
        "$schema": DRAFT,
        "$ref": files["additionalProperties"]["$ref"],
        "$defs": files["$defs"],
    }

"""What the paper's study takes on one box, in hours, dollars and disk: the tables of docs/a100.md.

Training by the forecast that every run prints, the judge by what `make estimate` adds up, the rest
by the rates below, which are assumptions: nothing here was timed.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reset.core import params
from reset.judges.instruction import pending
from reset.judges.instruction.cost import Estimate
from reset.judges.instruction.reply_store import Store
from reset.judges.instruction.settings import InstructionSettings
from reset.tokens.encoding import Example
from reset.tools import judge_cost, published_sizes, workload
from reset.tools.workload import TrainingWork
from reset.training import auto, devices, footprint, resource_estimate
from reset.training.devices import Device
from reset.training.model_size import Size
from reset.training.settings import Job, RunSettings, SharedSettings

PROFILES = {"paper": "profiles/paper.yaml", "small": "profiles/paper_small.yaml"}
GPUS = 8
A100 = Device("NVIDIA A100-SXM4-80GB", True, 80 * 10**9, 80 * 10**9, 10**12)

DISK_RATE = 3e9  # bytes a second that checkpoints are written at
LOAD_HOURS = 5 / 60  # to load, shard and export a model, for each trained run
START_HOURS = 3 / 60  # to start the sampling engine, for each model that answers
NLI_START_HOURS = 1 / 60
GPU_TOKENS = 2000  # tokens a second that one GPU samples
SAMPLE_TOKENS, ANSWER_TOKENS = 200, 150
NLI_PAIRS = 90  # sentence pairs of an answer
NLI_PAIR_TOKENS = 60
NLI_OPERATIONS = 2.42e9  # a token of ALBERT-xlarge
ABSTRACTIVE = 2 / 3  # of context-dependent answers: the NLI model scores no extractive ones
SETUP_HOURS = 2  # data and models, once
BOX_PRICE = 16  # USD an hour
LONGEST = Example([0] * 2032, 2032 - 480)  # a row as long as the window allows


@dataclass(frozen=True)
class RunHours:
    """One training run's hours: training itself, evaluation losses, and writing checkpoints; and
    the most bytes that it has on the disk.
    """

    work: TrainingWork
    training: float
    evaluation: float
    saving: float
    disk: float

    @property
    def all(self) -> float:
        return self.training + self.evaluation + self.saving


@dataclass(frozen=True)
class BoxStudy:
    """A profile's study: training runs with their hours a seed, all other hours a seed by what
    takes them, the judge's estimate over all seeds, and bytes of all models.
    """

    profile: Mapping[str, Any]
    runs: dict[str, RunHours]
    beside: dict[str, float]
    judge: Estimate
    models: float

    @property
    def training(self) -> float:
        return sum(run.training for run in self.runs.values())

    @property
    def hours(self) -> float:
        """Hours of all seeds."""
        a_seed = self.training + sum(self.beside.values())
        return len(self.profile["seeds"]) * a_seed + SETUP_HOURS


def study(path: str) -> BoxStudy:
    """The study of a profile file on 8 A100s."""
    profile = params.load(path)
    runs = {run: run_hours(profile, run) for run in workload.trained_runs(profile)}
    judge = judge_estimate(profile)
    evaluating = [run.evaluation for run in runs.values()]
    saving = [run.saving for run in runs.values()]
    beside = {
        "evaluation losses": sum(evaluating),
        "checkpoints": sum(saving),
        "loading, sharding, exporting": len(runs) * LOAD_HOURS,
        "sampling and predictions": _sampling(profile),
        "SummaC": _summac(profile),
        "LLM judge": (judge.minutes or 0) / 60 / len(profile["seeds"]),
    }
    folder = published_sizes.llama_7b().parameters * 2
    models = len(profile["seeds"]) * len(profile["runs"]["evaluated"]) * folder
    return BoxStudy(profile, runs, beside, judge, models)


def run_hours(profile: Mapping[str, Any], run: str) -> RunHours:
    """One training run of a profile on 8 A100s."""
    size, work = published_sizes.llama_7b(), workload.training(run, profile)
    shared = settings_of(profile, run, size, A100, GPUS)
    rate = devices.PEAKS["A100"] * 1e12
    took = resource_estimate.hours(size, shared, work.tokens, work.length, GPUS, rate)
    # an evaluation is a forward pass, a third of a step
    evaluated_rows = work.steps / shared.eval_every * work.dev_rows
    weights, whole = footprint.checkpoints(size, shared)
    saved = work.steps // shared.save_every * (whole + weights)
    folders = 1 + (run + workload.ENDS in profile["runs"]["evaluated"])
    return RunHours(
        work=work,
        training=took,
        evaluation=took * evaluated_rows / work.rows / 3,
        saving=saved / DISK_RATE / 3600,
        disk=footprint.disk(size, shared, work.steps, folders),
    )


def settings_of(
    profile: Mapping[str, Any], run: str, size: Size, device: Device, processes: int
) -> SharedSettings:
    """A profile's `train.shared` with what `auto` chooses for a run on such devices."""
    shared = params.build(SharedSettings, profile["train"]["shared"], "train.shared")
    recipe = params.build(RunSettings, profile["train"][run], f"train.{run}")
    nowhere = Path()
    job = Job(run, 0, nowhere, nowhere, nowhere, shared, recipe)
    return auto.resolve(job, size, device, [LONGEST], processes).shared


def judge_estimate(profile: Mapping[str, Any]) -> Estimate:
    """What `make estimate` says before anything is sampled, with the rows of the published sets."""
    judges = params.build(
        InstructionSettings, profile["judges"]["instruction"], "judges.instruction"
    )
    assert judges.openai, "the paper's profiles have an endpoint"
    requests = workload.evaluation_rows(profile)[1]
    total = Estimate()
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "none.sqlite") as store:
        for item in pending.items(params.load("dvc.yaml"), profile):
            texts = requests
            if item.kind == "samples":
                texts = judge_cost.sample_texts(item.run, profile, {})
            settings = judges.openai.judging(item.kind, item.run)
            total = total + judge_cost.estimate_texts(texts, settings, judges.prompt, store)
    return total


def _sampling(profile: Mapping[str, Any]) -> float:
    models = len(profile["runs"]["evaluated"])
    rows = workload.evaluation_rows(profile)[0]
    tokens = workload.draws(profile) * SAMPLE_TOKENS + models * rows * ANSWER_TOKENS
    starts = models + len(profile["runs"]["pools"])
    return tokens / (GPUS * GPU_TOKENS) / 3600 + starts * START_HOURS


def nli_operations(profile: Mapping[str, Any], models: int) -> float:
    """What the NLI model takes for the context-dependent samples and answers of so many models."""
    rows, instruction = workload.evaluation_rows(profile)
    context_share = 1 - 1 / len(workload.groups_of(profile))
    answers = workload.draws(profile) * context_share + models * (rows - instruction)
    return answers * NLI_PAIRS * NLI_PAIR_TOKENS * NLI_OPERATIONS


def _summac(profile: Mapping[str, Any]) -> float:
    models = len(profile["runs"]["evaluated"])
    operations = nli_operations(profile, models) * ABSTRACTIVE
    rate = GPUS * devices.PEAKS["A100"] * 1e12 * devices.UTILISATION
    starts = models + len(profile["runs"]["pools"])
    return operations / rate / 3600 + starts * NLI_START_HOURS


def page() -> str:
    """The tables as Markdown: training, the rest of a seed, and the sums, one profile beside the
    other.
    """
    studies = [study(path) for path in PROFILES.values()]
    parts = [_training_table(studies), _beside_table(studies), _sums_table(studies)]
    return "\n\n".join(parts)


def _training_table(studies: list[BoxStudy]) -> str:
    head = ["a seed"]
    for path in PROFILES.values():
        head += [f"`{path}`: rows × tokens", "million tokens", "hours"]
    rows = []
    for run in studies[0].runs:
        row = [f"`{run}`"]
        for each in studies:
            found = each.runs[run]
            row.append(f"{found.work.rows:,} × {found.work.length:,.0f}")
            row.append(f"{found.work.tokens / 1e6:,.1f}")
            row.append(f"{found.training:.1f}")
        rows.append(row)
    last = ["all"]
    for each in studies:
        tokens = sum(found.work.tokens for found in each.runs.values())
        last += ["", f"{tokens / 1e6:,.1f}", f"{each.training:.1f}"]
    return markdown(head, [*rows, last])


def _beside_table(studies: list[BoxStudy]) -> str:
    head = ["hours a seed, beside training", *(f"`{path}`" for path in PROFILES.values())]
    rows = []
    for what in studies[0].beside:
        rows.append([what, *(f"{each.beside[what]:.1f}" for each in studies)])
    return markdown(head, rows)


def _sums_table(studies: list[BoxStudy]) -> str:
    head = ["all", *(f"`{path}`" for path in PROFILES.values())]
    columns = [_sums(each) for each in studies]
    rows = []
    for what in columns[0]:
        rows.append([what, *(column[what] for column in columns)])
    return markdown(head, rows)


def _sums(each: BoxStudy) -> dict[str, str]:
    seeds = len(each.profile["seeds"])
    longest = max(found.all for found in each.runs.values())
    checkpoints = max(found.disk for found in each.runs.values())
    judge, box = each.judge, each.hours * BOX_PRICE
    return {
        "share of ReSet rows in the rows of `mtl`": f"{workload.reset_share(each.profile):.2%}",
        "longest training stage, evaluations and checkpoints included": f"{longest:.1f} hours",
        f"{seeds} seeds, and {SETUP_HOURS} hours for data and models": f"{each.hours:.0f} hours",
        f"the box, at {BOX_PRICE} USD an hour": f"{box:,.0f} USD",
        "the same with half again for what goes wrong": f"{box * 1.5:,.0f} USD",
        "texts to judge": f"{judge.texts:,} texts",
        "tokens of the judge": f"{judge.tokens / 1e6:.1f} million tokens",
        "the judge at the profile's prices": f"{judge.usd:,.0f} USD",
        "disk: checkpoints and models of the run at work": f"{checkpoints / 1e9:,.0f} GB",
        f"disk: models of {seeds} seeds": f"{each.models / 1e9:,.0f} GB",
    }


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

"""What profiles/one_gpu.yaml takes on one card, in minutes and GiB: the table of docs/own-data.md.

Training by the forecast that every run prints, the rest by the rates below, which are assumptions:
nothing here was timed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reset.core import params
from reset.tools import published_sizes, workload
from reset.tools.box_hours import markdown, nli_operations, settings_of
from reset.training import devices, footprint, resource_estimate
from reset.training.devices import Device
from reset.training.footprint import GIB
from reset.training.model_size import Size

PROFILE = "profiles/one_gpu.yaml"
ANSWER_TOKENS = 150
LOAD_MINUTES = 2  # to load or export a model, or to start the sampling engine
LONGEST, TARGET = 2048, 256  # tokens of the longest row, and of its target


@dataclass(frozen=True)
class Card:
    """A card, its peak in devices.PEAKS, its memory in GiB, and tokens a second that it samples
    by model: an assumption from its memory bandwidth.
    """

    name: str
    peak: str
    memory: int
    sampled: dict[str, int]


CARDS = (
    Card("RTX 4090, 24 GB", "RTX 4090", 24, {"Qwen/Qwen3-1.7B": 3000}),
    Card("A100, 80 GB", "A100", 80, {"Qwen/Qwen3-1.7B": 5000, "Qwen/Qwen3-4B": 3000}),
)


def page() -> str:
    """The table as Markdown: a column a card and model."""
    profile = params.load(PROFILE)
    columns = {}
    for card in CARDS:
        for model in card.sampled:
            columns[f"{model.split('/')[1]} on {card.name}"] = _column(profile, card, model)
    first = next(iter(columns.values()))
    rows = []
    for what in first:
        rows.append([what, *(column[what] for column in columns.values())])
    return markdown(["arithmetic, not timed", *columns], rows)


def _column(profile: Mapping[str, Any], card: Card, model: str) -> dict[str, str]:
    size = published_sizes.qwen3(model, profile["train"]["shared"]["lora"]["rank"])
    device = Device(card.peak, True, card.memory * GIB, card.memory * GIB, card.memory * GIB)
    rate = devices.PEAKS[card.peak] * 1e12
    found, total = {}, 0.0
    for run in workload.trained_runs(profile):
        work = workload.training(run, profile)
        shared = settings_of(profile, run, size, device, 1)
        took = 60 * resource_estimate.hours(size, shared, work.tokens, work.length, 1, rate)
        label = f"train `{run}`: {work.rows:,} rows × {work.length:,.0f} tokens"
        found[label] = f"{took:.0f} min"
        total += took
    models = len(profile["runs"]["start_models"]) + len(profile["runs"]["evaluated"])
    answers = workload.draws(profile) + models * workload.evaluation_rows(profile)[0]
    nli_seconds = nli_operations(profile, models) / (rate * devices.UTILISATION)
    for what, took in (
        ("sample and predict", answers * ANSWER_TOKENS / card.sampled[model] / 60),
        ("SummaC", nli_seconds / 60),
        ("load, start, export", LOAD_MINUTES * 4 * len(workload.trained_runs(profile))),
    ):
        found[what] = f"{took:.0f} min"
        total += took
    found["all"] = f"{total:.0f} min"
    found["memory while training"] = f"{_memory(profile, size, device) / GIB:.1f} GiB"
    share = profile["sampling"]["vllm"]["memory"]
    found["memory while sampling: `sampling.vllm.memory`"] = f"{share * card.memory:.1f} GiB"
    found["disk, models and checkpoints"] = f"{_disk(profile, size, device) / GIB:.0f} GiB"
    return found


def _memory(profile: Mapping[str, Any], size: Size, device: Device) -> float:
    """Bytes of weights, gradients, optimizer and a micro-batch of the longest rows."""
    shared = settings_of(profile, "mtl", size, device, 1)
    states = footprint.states(size, shared, 1)[footprint.mode(shared)]
    micro = int(shared.micro_batch)
    return states + footprint.activations(size, shared, micro, LONGEST, TARGET)


def _disk(profile: Mapping[str, Any], size: Size, device: Device) -> float:
    """Bytes of the start model, all trained models, and the checkpoints of one run."""
    shared = settings_of(profile, "mtl", size, device, 1)
    steps = workload.training("mtl", profile).steps
    folders = 1 + len(workload.trained_runs(profile))
    return folders * size.parameters * 2 + footprint.disk(size, shared, steps, 1)

import dataclasses
import json
import math
import re
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from reset.core.errors import InputError
from reset.tokens import encoding
from reset.training import (
    devices,
    footprint,
    memory_limit,
    model_size,
    resource_estimate,
    run,
)
from reset.training.settings import LoraSettings
from tests.support import tiny_llama
from tests.support.llama_7b import CPU, LLAMA_7B
from tests.support.tiny_llama import job

ROOMY = {
    "free_memory": 1e12,
    "free_main": 1e12,
    "disk": 1.0,
    "free_disk": 1e12,
    "lora": False,
    "full_speed": None,
}


def test_hours_of_the_documented_box(in_folder):
    settings = job(in_folder, gradient_checkpointing=True).shared
    hours = resource_estimate.hours(
        LLAMA_7B, settings, 137_500_000, 600, 8, devices.PEAKS["A100"] * 1e12
    )
    assert hours == pytest.approx(2.4, rel=0.05)  # 137.5 million tokens, 600 steps, 8 cards


def test_what_cannot_fit_is_refused_with_what_would(in_folder):
    states = footprint.states(LLAMA_7B, job(in_folder, precision="bf16").shared, 8)
    tight = resource_estimate.ResourceEstimate(
        "", states, "ZeRO-2", **ROOMY | {"free_memory": 20 * footprint.GIB}
    )
    with pytest.raises(
        InputError,
        match="ZeRO-2 needs 26.67 GiB .* 20.00 GiB are free; ZeRO-3 or ZeRO-3 with off-load",
    ):
        tight.check()
    dataclasses.replace(tight, mode="ZeRO-3").check()


def test_what_off_load_moves_must_fit_into_main_memory(in_folder):
    states = footprint.states(LLAMA_7B, job(in_folder, precision="bf16").shared, 8)
    small = resource_estimate.ResourceEstimate(
        "", states, "ZeRO-3 with off-load", **ROOMY | {"free_main": 8 * footprint.GIB}
    )
    with pytest.raises(
        InputError, match="15.69 GiB of main memory for each process, and 8.00 GiB are free"
    ):
        small.check()


def test_a_refusal_does_not_advise_adapters_to_a_run_that_has_them(in_folder):
    states = footprint.states(LLAMA_7B, job(in_folder, precision="bf16").shared, 8)
    for lora in (False, True):
        tight = resource_estimate.ResourceEstimate(
            "", states, "ZeRO-3", **ROOMY | {"free_memory": 1.0, "lora": lora}
        )
        with pytest.raises(InputError) as refused:
            tight.check()
        assert ("train.shared.lora needs less" in str(refused.value)) != lora


def test_a_disk_without_room_for_the_run_is_refused(in_folder):
    states = footprint.states(LLAMA_7B, job(in_folder, precision="bf16").shared, 8)
    full = resource_estimate.ResourceEstimate(
        "", states, "ZeRO-3", **ROOMY | {"disk": 94e9, "free_disk": 50e9}
    )
    with pytest.raises(InputError, match="take up to 87.54 GiB, and 46.57 GiB are free there"):
        full.check()


def test_checkpoints_of_a_stopped_run_count_as_room(in_folder):
    settings = job(in_folder)
    rows = encoding.encode(tiny_llama.rows(8), tiny_llama.tokenizer(), 64, "rows")
    model = model_size.size(in_folder / "start", settings.shared)
    before = resource_estimate.estimate_resources(settings, model, CPU, rows, 1, in_folder / "work")
    (in_folder / "work/checkpoint-4").mkdir(parents=True)
    with open(in_folder / "work/checkpoint-4/model.safetensors", "wb") as file:
        file.truncate(2**42)  # takes no room, being a hole
    after = resource_estimate.estimate_resources(settings, model, CPU, rows, 1, in_folder / "work")
    assert after.free_disk - before.free_disk > 0.9 * 2**42


def test_room_is_that_of_the_disk_with_the_checkpoints(in_folder, monkeypatch):
    """As where .work is a link to a disk of the box's own."""
    settings = job(in_folder)
    rows = encoding.encode(tiny_llama.rows(8), tiny_llama.tokenizer(), 64, "rows")
    model = model_size.size(in_folder / "start", settings.shared)
    usage = {Path("."): 10, in_folder / "fast": 10**6}
    monkeypatch.setattr(
        resource_estimate.shutil, "disk_usage", lambda path: SimpleNamespace(free=usage[Path(path)])
    )
    found = resource_estimate.estimate_resources(
        settings, model, CPU, rows, 1, in_folder / "fast/run"
    )
    assert found.free_disk == 10**6


def test_the_forecast_is_of_the_rows_that_a_process_has_at_once(in_folder):
    """A micro-batch above a process's share of the batch is that share."""
    said = []
    for micro in (8, 32):
        settings = job(in_folder, micro_batch=micro)
        rows = encoding.encode(tiny_llama.rows(8), tiny_llama.tokenizer(), 64, "rows")
        model = model_size.size(in_folder / "start", settings.shared)
        text = resource_estimate.estimate_resources(
            settings, model, CPU, rows, 1, in_folder / "work"
        ).text
        said.append(re.search(r"and about (.*) gradient checkpointing", text)[1])
    assert said[0] == said[1] and "for a micro-batch of 8 without" in said[0]


def test_adapters_that_main_memory_cannot_merge_are_refused_before_training(in_folder, monkeypatch):
    settings = job(in_folder, lora=LoraSettings(rank=4, alpha=8, dropout=0.0))
    little = SimpleNamespace(available=2**34, total=2**35)
    resource_estimate.check_merge(model_size.size(in_folder / "start", settings.shared))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
    monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(free=2**30))
    for room, free in ((math.inf, 17), (2**33, 8)):  # of a Slurm job, where that is less
        monkeypatch.setattr(memory_limit, "room", lambda room=room: room)
        words = f"train.shared.lora: .* takes 25.10 GiB, and {free}.00 GiB are free"
        with pytest.raises(InputError, match=words):
            resource_estimate.check_merge(LLAMA_7B)


def test_a_run_that_cannot_fit_stops_before_it_loads_the_model(in_folder, monkeypatch):
    settings = job(in_folder)
    header = {
        "model.wide.weight": {"dtype": "F32", "shape": [10**6, 10**7], "data_offsets": [0, 0]}
    }
    text = json.dumps(header).encode()
    (in_folder / "start/model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    if not torch.cuda.is_available():
        monkeypatch.delenv("RESET_TRAIN_ON_CPU", raising=False)
        with pytest.raises(InputError, match="no GPU is visible"):
            run.run(settings)
        assert not settings.work.exists()
    monkeypatch.setenv("RESET_TRAIN_ON_CPU", "1")
    with pytest.raises(InputError, match="no ZeRO needs 149011.61 GiB on each device"):
        run.run(settings)
    kept = [path.name for path in settings.work.iterdir()]
    assert all(name.startswith("rows-") for name in kept)


def test_the_text_names_examples_steps_tokens_memory_and_disk(in_folder):
    settings = job(in_folder)
    rows = encoding.encode(tiny_llama.rows(72), tiny_llama.tokenizer(), 64, "rows")
    model = model_size.size(in_folder / "start", settings.shared)
    nothing = in_folder / "nothing"
    text = resource_estimate.estimate_resources(settings, model, CPU, rows, 9, nothing).text
    tokens = sum(len(row.input_ids) for row in rows)
    assert f"mtl_0: 72 examples, 1 epochs, 9 steps, {tokens} tokens" in text
    for mode in footprint.MODES:
        assert mode in text
    assert re.search(
        r"disk: [\d.]+ GiB a checkpoint, up to [\d.]+ GiB in all; [\d.]+ GiB are free", text
    )
    assert "time: shown while it runs" in text

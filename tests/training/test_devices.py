import dataclasses

import pytest
import torch

from reset.core.errors import InputError
from reset.training import devices, memory_limit
from tests.support.llama_7b import A100, CPU, LLAMA_7B


@pytest.mark.parametrize(
    ("name", "tera"),
    [
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H200", 989),
        ("NVIDIA B200", 2250),
        ("NVIDIA A10", 125),
        ("NVIDIA A10G", 70),
        ("NVIDIA L4", 121),
        ("NVIDIA L40S", 362),
        ("NVIDIA GeForce RTX 3090", 71),
        ("NVIDIA GeForce RTX 4090", 165.2),
        ("NVIDIA GeForce RTX 5090", 209.5),
    ],
)
def test_peaks_are_found_by_the_words_of_a_name(name, tera):
    assert devices.peak(name) == tera * 1e12


def test_an_unknown_device_has_no_peak():
    for name in ("CPU", "Tesla T4", "NVIDIA GeForce RTX 4090 Laptop GPU"):
        assert devices.peak(name) is None


@pytest.mark.parametrize("variable", ["LOCAL_WORLD_SIZE", "LOCAL_SIZE"])
def test_processes_of_torchrun_and_of_deepspeed_share_the_main_memory(monkeypatch, variable):
    for name in ("LOCAL_WORLD_SIZE", "LOCAL_SIZE"):
        monkeypatch.delenv(name, raising=False)
    whole = devices.device().main
    monkeypatch.setenv(variable, "8")
    assert devices.device().main == pytest.approx(whole / 8, rel=0.2)


def test_a_large_model_without_a_gpu_is_refused_unless_asked_for(monkeypatch):
    monkeypatch.delenv("RESET_TRAIN_ON_CPU", raising=False)
    devices.check_device(LLAMA_7B, A100)
    devices.check_device(dataclasses.replace(LLAMA_7B, parameters=10**9), CPU)
    with pytest.raises(InputError, match="no GPU is visible, and the model has 6.7 billion"):
        devices.check_device(LLAMA_7B, CPU)
    monkeypatch.setenv("RESET_TRAIN_ON_CPU", "1")
    devices.check_device(LLAMA_7B, CPU)


def test_bf16_in_software_is_warned_of_on_cpus_alone(monkeypatch, capsys):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    devices.check_precision("fp32", CPU)
    devices.check_precision("bf16", A100)
    assert capsys.readouterr().err == ""
    devices.check_precision("bf16", CPU)
    assert "train.shared.precision: this CPU computes bf16 in software" in capsys.readouterr().err
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    devices.check_precision("bf16", CPU)
    assert capsys.readouterr().err == ""


def test_a_limit_on_this_process_is_the_memory_that_is_free(monkeypatch):
    monkeypatch.setattr(memory_limit, "room", lambda: 2.0**20)
    monkeypatch.setattr(memory_limit, "limit", lambda: 2.0**21)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    monkeypatch.delenv("LOCAL_SIZE", raising=False)
    found = devices.device()
    assert found.main == 2.0**20
    assert found.on_gpu or (found.memory, found.free) == (2.0**21, 2.0**20)

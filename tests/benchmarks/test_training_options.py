"""The table of training options is printed also where sides fail."""

import json

from benchmarks import random_llama, training_options
from benchmarks.training_options import SIDES


def side(speed: float) -> dict[str, float]:
    return {
        "tokens_per_second": speed,
        "operations": speed * 1e6,
        "peak_memory": 2**30,
        "forecast": 2**30,
    }


def test_medians_of_the_rounds_are_shown_and_the_best_is_named(capsys):
    found = {name: [side(300), side(100), side(200)] for name in SIDES} | {
        "zero3": [side(900), {"error": "no ninja"}]
    }
    found["compile"] = [side(400), side(250), side(300)]
    training_options.show(found, {name: None for name in SIDES}, 1e9, "a device")
    *lines, last = capsys.readouterr().out.splitlines()
    assert any("no checkpointing" in line and "200 tokens/s (100 to 300)" in line for line in lines)
    assert any("ZeRO-3" in line and "failed: no ninja" in line for line in lines)
    assert [(entry["name"], entry["ours"]) for entry in json.loads(last)] == [
        ("MFU of base with torch.compile on a device", 0.3)
    ]


def test_nothing_is_the_best_where_all_sides_fail(capsys):
    training_options.show(
        {name: [{"error": "killed"}] for name in SIDES}, {n: None for n in SIDES}, 1e9, "a device"
    )
    *lines, last = capsys.readouterr().out.splitlines()
    assert sum("failed: killed" in line for line in lines) == len(SIDES) and json.loads(last) == []


def test_a_gpu_trains_as_many_layers_as_leave_room_for_activations():
    of_7b = random_llama.LLAMA_7B
    assert training_options.fitting_layers(of_7b, 80 * 2**30) == 12
    assert training_options.fitting_layers(of_7b, 24 * 2**30) == 2
    assert training_options.fitting_layers(of_7b, 400 * 2**30) == 32
    assert training_options.fitting_layers(of_7b, 2**30) == 1

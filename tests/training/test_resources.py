import dataclasses
import itertools
import json
import re

import pytest
import torch

from reset.core.errors import InputError
from reset.tokens import encoding
from reset.training import auto, checkpoints, resources, run, trainer
from reset.training.settings import LoraSettings, SharedSettings
from tests.support import tiny_llama
from tests.support.tiny_llama import job

LLAMA_7B = resources.Size(
    parameters=6_738_415_616,
    trained=6_738_415_616,
    looked_up=131_072_000,
    layers=32,
    width=4096,
    heads=32,
    vocabulary=32000,
    queries=4096,
    keys=4096,
    inner=11008,
    normed=2 * 4096,
    kind="llama",
)
A100 = resources.Device("NVIDIA A100-SXM4-80GB", True, 79.2 * 2**30, 78 * 2**30, 1e12)
CPU = resources.Device("CPU", False, 64 * 2**30, 60 * 2**30, 60 * 2**30)
ROOMY = {
    "free_memory": 1e12,
    "free_main": 1e12,
    "disk": 1.0,
    "free_disk": 1e12,
    "lora": False,
    "full_speed": None,
}


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shared(folder, **changes) -> SharedSettings:
    return job(folder, **changes).shared


LORA = {"lora": LoraSettings(rank=4, alpha=8, dropout=0.0)}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("changes", [{}, {"frozen": ["embed_tokens"]}, LORA])
def test_the_states_of_one_process_are_those_that_torch_holds_after_a_step(
    in_folder, changes, precision
):
    settings = shared(in_folder, **changes, precision=precision)
    model = trainer.load_model(in_folder / "start", settings, 0)
    optimizer = torch.optim.AdamW(p for p in model.parameters() if p.requires_grad)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        model(torch.ones(1, 3, dtype=torch.long)).logits.sum().backward()
    optimizer.step()
    held = [tensor for p in model.parameters() for tensor in (p, p.grad) if tensor is not None]
    held += [
        tensor for state in optimizer.state.values() for tensor in state.values() if tensor.dim()
    ]
    said = resources.states(resources.size(in_folder / "start", settings), settings, 1)["no ZeRO"]
    copied = (
        sum(p.numel() for p in model.parameters() if p.dtype == torch.float32)
        if precision == "bf16"
        else 0
    )
    assert said == 2 * copied + sum(tensor.numel() * tensor.element_size() for tensor in held)


def test_the_shape_is_that_of_the_model(in_folder):
    settings = shared(in_folder)
    model = tiny_llama.model()
    found = resources.size(in_folder / "start", settings)
    assert found.parameters == found.trained == sum(p.numel() for p in model.parameters())
    assert (found.layers, found.width, found.heads, found.vocabulary) == (2, 32, 4, 44)
    assert found.looked_up == 0  # its embeddings are its head


def test_adapters_of_7b_in_bf16_fit_one_card_of_24_gb(in_folder):
    adapted = dataclasses.replace(LLAMA_7B, trained=39_976_960)  # rank 16
    states = resources.states(adapted, shared(in_folder, **LORA, precision="bf16"), 1)
    assert 13 * resources.GIB < states["no ZeRO"] < 14 * resources.GIB


def test_zero_shares_out_what_the_paper_says(in_folder):
    eight, alone = (
        resources.states(LLAMA_7B, shared(in_folder, precision="bf16"), processes)
        for processes in (8, 1)
    )
    n, live = LLAMA_7B.parameters, 2 * resources.LIVE
    # and DeepSpeed's fp32 gradient of the step: of the whole share, or of one group of parameters
    assert eight["ZeRO-2"] == pytest.approx((2 + 14 / 8 + 4 / 8) * n)
    assert eight["ZeRO-3"] == pytest.approx((16 / 8 + 4 / 8) * n + live)
    assert eight["ZeRO-3 with off-load"] == live
    assert alone["ZeRO-3"] == pytest.approx(16 * n + 4 * resources.SUB_GROUP + live)


def test_the_settings_choose_the_mode(in_folder):
    for name, mode in (
        ("zero2", "ZeRO-2"),
        ("zero3", "ZeRO-3"),
        ("zero3_offload", "ZeRO-3 with off-load"),
    ):
        path = f"{tiny_llama.__file__.rsplit('/', 3)[0]}/configs/{name}.json"
        assert resources.mode(shared(in_folder, deepspeed=path)) == mode
    assert resources.mode(shared(in_folder)) == "no ZeRO"


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
    assert resources.peak(name) == tera * 1e12


def test_an_unknown_device_has_no_peak():
    for name in ("CPU", "Tesla T4", "NVIDIA GeForce RTX 4090 Laptop GPU"):
        assert resources.peak(name) is None


def test_operations_follow_palm():
    assert (
        resources.operations(LLAMA_7B, 2048)
        == 6 * (6_738_415_616 - 131_072_000) + 12 * 32 * 4096 * 2048
    )
    frozen = dataclasses.replace(LLAMA_7B, trained=0)
    assert resources.operations(frozen, 0) == 4 * (6_738_415_616 - 131_072_000)


def test_hours_of_the_documented_box(in_folder):
    settings = shared(in_folder, gradient_checkpointing=True)
    hours = resources.hours(LLAMA_7B, settings, 137_500_000, 600, 8, resources.PEAKS["A100"] * 1e12)
    assert hours == pytest.approx(2.4, rel=0.05)  # 137.5 million tokens, 600 steps, 8 cards


def test_checkpointing_and_eager_attention_show_in_the_activations(in_folder):
    kept, again, eager = (
        resources.activations(LLAMA_7B, shared(in_folder, **changes), 1, 2048, 512)
        for changes in ({}, {"gradient_checkpointing": True}, {"attention": "eager"})
    )
    assert again < kept / 5 and eager > 1.5 * kept
    bf16 = {"precision": "bf16", "deepspeed": "configs/zero3.json"}
    of_layer = resources.layer_bytes(LLAMA_7B, shared(in_folder, **bf16), 2048)
    assert of_layer == pytest.approx(45.5 * 4096)


def test_what_cannot_fit_is_refused_with_what_would(in_folder):
    states = resources.states(LLAMA_7B, shared(in_folder, precision="bf16"), 8)
    tight = resources.ResourceEstimate(
        "", states, "ZeRO-2", **ROOMY | {"free_memory": 20 * resources.GIB}
    )
    with pytest.raises(
        InputError,
        match="ZeRO-2 needs 26.67 GiB .* 20.00 GiB are free; ZeRO-3 or ZeRO-3 with off-load",
    ):
        tight.check()
    dataclasses.replace(tight, mode="ZeRO-3").check()


def test_what_off_load_moves_must_fit_into_main_memory(in_folder):
    states = resources.states(LLAMA_7B, shared(in_folder, precision="bf16"), 8)
    small = resources.ResourceEstimate(
        "", states, "ZeRO-3 with off-load", **ROOMY | {"free_main": 8 * resources.GIB}
    )
    with pytest.raises(
        InputError, match="15.69 GiB of main memory for each process, and 8.00 GiB are free"
    ):
        small.check()


def test_a_refusal_does_not_advise_adapters_to_a_run_that_has_them(in_folder):
    states = resources.states(LLAMA_7B, shared(in_folder, precision="bf16"), 8)
    for lora in (False, True):
        tight = resources.ResourceEstimate(
            "", states, "ZeRO-3", **ROOMY | {"free_memory": 1.0, "lora": lora}
        )
        with pytest.raises(InputError) as refused:
            tight.check()
        assert ("train.shared.lora needs less" in str(refused.value)) != lora


def test_a_disk_without_room_for_the_run_is_refused(in_folder):
    states = resources.states(LLAMA_7B, shared(in_folder, precision="bf16"), 8)
    full = resources.ResourceEstimate(
        "", states, "ZeRO-3", **ROOMY | {"disk": 94e9, "free_disk": 50e9}
    )
    with pytest.raises(InputError, match="take up to 87.54 GiB, and 46.57 GiB are free there"):
        full.check()


@pytest.mark.parametrize(
    ("save_every", "steps"), [(4, 20), (8, 24), (12, 24), (40, 8), (40, 16), (16, 24)]
)
def test_no_course_of_the_losses_puts_more_on_the_disk_than_is_asked_for(
    in_folder, save_every, steps
):
    """Every order of the evaluations' losses, with files in the sizes of the checkpoints."""
    settings = shared(in_folder, save_every=save_every)
    model = dataclasses.replace(LLAMA_7B, parameters=3, trained=3)
    weights, whole = resources.checkpoints(model, settings)
    most = 0.0
    for number, losses in enumerate(itertools.permutations(range(-(-steps // 4)))):
        folder, history = checkpoints.Folder(in_folder / str(number), {}), []
        for step, loss in zip(range(4, steps + 1, 4), losses, strict=True):
            history.append({"step": step, "eval_loss": loss})
            state = step % save_every == 0
            if not (state or step == steps):
                continue
            # the best one since the last checkpoint waits in memory until now
            folder.checkpoint(checkpoints.best_step(history)).mkdir(parents=True, exist_ok=True)
            folder.checkpoint(step).mkdir(parents=True, exist_ok=True)
            if state:
                (folder.checkpoint(step) / "rng_state.pth").touch()
            there = [any(path.glob("rng*")) for path in folder.path.iterdir()]
            most = max(most, sum(whole if state else weights for state in there))
            folder.complete(step, history)
    asked = resources.disk(model, settings, steps, folders=0)
    assert most == asked


def test_checkpoints_of_a_stopped_run_count_as_room(in_folder):
    settings = job(in_folder)
    rows = encoding.encode(tiny_llama.rows(8), tiny_llama.tokenizer(), 64, "rows")
    model = resources.size(in_folder / "start", settings.shared)
    before = resources.estimate_resources(settings, model, CPU, rows, 1, in_folder / "work")
    (in_folder / "work/checkpoint-4").mkdir(parents=True)
    with open(in_folder / "work/checkpoint-4/model.safetensors", "wb") as file:
        file.truncate(2**42)  # takes no room, being a hole
    after = resources.estimate_resources(settings, model, CPU, rows, 1, in_folder / "work")
    assert after.free_disk - before.free_disk > 0.9 * 2**42


def test_exported_folders_and_merged_adapters_need_room_too(in_folder):
    settings = shared(in_folder, precision="bf16")
    needed = [resources.disk(LLAMA_7B, settings, 9, folders) for folders in (0, 1, 2)]
    assert needed[1] - needed[0] == needed[2] - needed[1] == 2 * LLAMA_7B.parameters
    adapted = dataclasses.replace(LLAMA_7B, trained=0)
    assert resources.disk(adapted, shared(in_folder, **LORA), 9, 1) == 8 * LLAMA_7B.parameters


def test_a_large_model_without_a_gpu_is_refused_unless_asked_for(in_folder, monkeypatch):
    monkeypatch.delenv("RESET_TRAIN_ON_CPU", raising=False)
    resources.check_device(LLAMA_7B, A100)
    resources.check_device(dataclasses.replace(LLAMA_7B, parameters=10**9), CPU)
    with pytest.raises(InputError, match="no GPU is visible, and the model has 6.7 billion"):
        resources.check_device(LLAMA_7B, CPU)
    monkeypatch.setenv("RESET_TRAIN_ON_CPU", "1")
    resources.check_device(LLAMA_7B, CPU)


def test_a_run_that_cannot_fit_stops_before_it_loads_the_model(in_folder, monkeypatch):
    monkeypatch.setenv("RESET_TRAIN_ON_CPU", "1")
    settings = job(in_folder)
    header = {
        "model.wide.weight": {"dtype": "F32", "shape": [10**6, 10**7], "data_offsets": [0, 0]}
    }
    text = json.dumps(header).encode()
    (in_folder / "start/model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(InputError, match="no ZeRO needs 149011.61 GiB on each device"):
        run.run(settings)
    assert not (in_folder / ".work/train").exists()


def test_the_text_names_examples_steps_tokens_memory_and_disk(in_folder):
    settings = job(in_folder)
    rows = encoding.encode(tiny_llama.rows(72), tiny_llama.tokenizer(), 64, "rows")
    model = resources.size(in_folder / "start", settings.shared)
    nothing = in_folder / "nothing"
    text = str(resources.estimate_resources(settings, model, CPU, rows, 9, nothing))
    tokens = sum(len(row.input_ids) for row in rows)
    assert f"mtl_0: 72 examples, 1 epochs, 9 steps, {tokens} tokens" in text
    for mode in resources.MODES:
        assert mode in text
    assert re.search(
        r"disk: [\d.]+ GiB a checkpoint, up to [\d.]+ GiB in all; [\d.]+ GiB are free", text
    )
    assert "time: shown while it runs" in text


def some_rows(longest: int):
    ids = list(range(longest))
    return [encoding.Example("a", ids, longest - 100), encoding.Example("b", ids[:300], 200)]


AUTO = {"micro_batch": "auto", "gradient_checkpointing": "auto", "packing": "auto", "liger": "auto"}
ZERO3 = {"precision": "bf16", "deepspeed": f"{tiny_llama.ROOT}/configs/zero3.json"}


def chosen(settings, model, device, longest=2048):
    shared = auto.resolve(settings, model, device, some_rows(longest), 8).shared
    return shared.micro_batch, shared.gradient_checkpointing, shared.packing


def test_auto_takes_what_fits_the_device_without_checkpointing_where_it_can(in_folder):
    settings = job(in_folder, recipe={"batch": 32}, **AUTO, **ZERO3)
    assert chosen(settings, LLAMA_7B, A100) == (4, False, True)
    medium = dataclasses.replace(A100, memory=64 * 2**30)
    assert chosen(settings, LLAMA_7B, medium) == (2, False, True)
    small = dataclasses.replace(A100, memory=40 * 2**30)
    assert chosen(settings, LLAMA_7B, small) == (1, False, True)
    tiny = dataclasses.replace(A100, memory=28 * 2**30)
    assert chosen(settings, LLAMA_7B, tiny) == (4, True, True)
    nothing = dataclasses.replace(A100, memory=2**30)
    assert chosen(settings, LLAMA_7B, nothing) == (1, True, True)


def test_auto_keeps_what_is_set_and_packs_on_gpus_and_known_families_alone(in_folder):
    settings = job(in_folder, recipe={"batch": 32}, **AUTO | ZERO3 | {"micro_batch": 1})
    assert chosen(settings, LLAMA_7B, A100) == (1, False, True)
    opt = dataclasses.replace(LLAMA_7B, kind="opt")
    assert chosen(settings, opt, A100) == (1, False, False)
    assert chosen(settings, LLAMA_7B, CPU)[2] is False
    plain = job(in_folder, recipe={"batch": 32})
    assert auto.resolve(plain, LLAMA_7B, A100, some_rows(9), 8) == plain

import dataclasses
import itertools

import pytest
import torch

from reset.training import checkpoints, footprint, model_size, trainer
from reset.training.settings import LoraSettings, SharedSettings
from tests.support import tiny_llama
from tests.support.llama_7b import LLAMA_7B
from tests.support.tiny_llama import job

LORA = {"lora": LoraSettings(rank=4, alpha=8, dropout=0.0)}


def shared(folder, **changes) -> SharedSettings:
    return job(folder, **changes).shared


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
    said = footprint.states(model_size.size(in_folder / "start", settings), settings, 1)["no ZeRO"]
    copied = (
        sum(p.numel() for p in model.parameters() if p.dtype == torch.float32)
        if precision == "bf16"
        else 0
    )
    assert said == 2 * copied + sum(tensor.numel() * tensor.element_size() for tensor in held)


def test_adapters_of_7b_in_bf16_fit_one_card_of_24_gb(in_folder):
    adapted = dataclasses.replace(LLAMA_7B, trained=39_976_960)  # rank 16
    states = footprint.states(adapted, shared(in_folder, **LORA, precision="bf16"), 1)
    assert 13 * footprint.GIB < states["no ZeRO"] < 14 * footprint.GIB


def test_zero_shares_out_what_the_paper_says(in_folder):
    eight, alone = (
        footprint.states(LLAMA_7B, shared(in_folder, precision="bf16"), processes)
        for processes in (8, 1)
    )
    n, live = LLAMA_7B.parameters, 2 * footprint.LIVE
    # and DeepSpeed's fp32 gradient of the step: of the whole share, or of one group of parameters
    assert eight["ZeRO-2"] == pytest.approx((2 + 14 / 8 + 4 / 8) * n)
    assert eight["ZeRO-3"] == pytest.approx((16 / 8 + 4 / 8) * n + live)
    assert eight["ZeRO-3 with off-load"] == live
    assert alone["ZeRO-3"] == pytest.approx(16 * n + 4 * footprint.SUB_GROUP + live)


def test_the_settings_choose_the_mode(in_folder):
    for name, mode in (
        ("zero2", "ZeRO-2"),
        ("zero3", "ZeRO-3"),
        ("zero3_offload", "ZeRO-3 with off-load"),
    ):
        path = f"{tiny_llama.__file__.rsplit('/', 3)[0]}/configs/{name}.json"
        assert footprint.mode(shared(in_folder, deepspeed=path)) == mode
    assert footprint.mode(shared(in_folder)) == "no ZeRO"


def test_checkpointing_and_eager_attention_show_in_the_activations(in_folder):
    kept, again, eager = (
        footprint.activations(LLAMA_7B, shared(in_folder, **changes), 1, 2048, 512)
        for changes in ({}, {"gradient_checkpointing": True}, {"attention": "eager"})
    )
    assert again < kept / 5 and eager > 1.5 * kept
    bf16 = {"precision": "bf16", "deepspeed": "configs/zero3.json"}
    of_layer = footprint.layer_bytes(LLAMA_7B, shared(in_folder, **bf16), 2048)
    assert of_layer == pytest.approx(45.5 * 4096)


@pytest.mark.parametrize(
    ("save_every", "steps"), [(4, 20), (8, 24), (12, 24), (40, 8), (40, 16), (16, 24)]
)
def test_no_course_of_the_losses_puts_more_on_the_disk_than_is_asked_for(
    in_folder, save_every, steps
):
    """Every order of the evaluations' losses, with files in the sizes of the checkpoints."""
    settings = shared(in_folder, save_every=save_every)
    model = dataclasses.replace(LLAMA_7B, parameters=3, trained=3)
    weights, whole = footprint.checkpoints(model, settings)
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
    asked = footprint.disk(model, settings, steps, folders=0)
    assert most == asked


def test_exported_folders_and_merged_adapters_need_room_too(in_folder):
    settings = shared(in_folder, precision="bf16")
    needed = [footprint.disk(LLAMA_7B, settings, 9, folders) for folders in (0, 1, 2)]
    assert needed[1] - needed[0] == needed[2] - needed[1] == 2 * LLAMA_7B.parameters
    adapted = dataclasses.replace(LLAMA_7B, trained=0)
    assert footprint.disk(adapted, shared(in_folder, **LORA), 9, 1) == 8 * LLAMA_7B.parameters

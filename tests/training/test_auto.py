import dataclasses

from reset.tokens import encoding
from reset.training import auto, footprint
from tests.support import tiny_llama
from tests.support.llama_7b import A100, CPU, LLAMA_7B
from tests.support.tiny_llama import job

AUTO = {"micro_batch": "auto", "gradient_checkpointing": "auto", "packing": "auto", "liger": "auto"}
ZERO3 = {"precision": "bf16", "deepspeed": f"{tiny_llama.ROOT}/configs/zero3.json"}


def some_rows(longest: int):
    ids = list(range(longest))
    return [encoding.Example(ids, longest - 100), encoding.Example(ids[:300], 200)]


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


def test_auto_looks_at_the_rows_once_and_at_a_process_share_of_a_set_micro_batch(
    in_folder, monkeypatch
):
    looked = []
    longest = footprint.longest
    monkeypatch.setattr(footprint, "longest", lambda rows: looked.append(1) or longest(rows))
    settings = job(in_folder, recipe={"batch": 32}, **AUTO | ZERO3 | {"micro_batch": 32})
    assert chosen(settings, LLAMA_7B, A100) == (32, False, True)
    settings = job(in_folder, recipe={"batch": 32}, **AUTO | ZERO3)
    nothing = dataclasses.replace(A100, memory=2**30)
    assert chosen(settings, LLAMA_7B, nothing) == (1, True, True)
    assert len(looked) == 2

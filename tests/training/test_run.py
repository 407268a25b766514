"""Whole runs of a two-layer model: what is learned, what is chosen, and what a stop in the middle
leaves behind.
"""

import dataclasses
import functools
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from reset.core import hashing, io
from reset.core.errors import InputError
from reset.tokens import chat_template, encoding
from reset.training import batches, checkpoints, devices, digests, progress, run, trainer
from reset.training import settings as training
from tests.support import tiny_llama, warm
from tests.support.tiny_llama import job


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def weights(folder: Path = Path("models/mtl_0")) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def checkpoint_folder() -> Path:
    (identity,) = Path(".work/train/mtl_0").glob("*/identity.json")
    return identity.parent


def losses(column: str) -> list[float]:
    header, *lines = Path("metrics/train/mtl_0.csv").read_text().splitlines()
    at = header.split(",").index(column)
    return [float(line.split(",")[at]) for line in lines if line.split(",")[at]]


def stop_at(step: int, monkeypatch, error: BaseException) -> None:
    """Raise `error` when the given step is about to begin."""
    train = trainer.CompletionTrainer.training_step

    def training_step(self, *args, **kwargs):
        if self.state.global_step + 1 == step:
            raise error
        return train(self, *args, **kwargs)

    monkeypatch.setattr(trainer.CompletionTrainer, "training_step", training_step)


def test_the_model_learns_the_answer_and_where_it_ends(in_folder):
    memorise = job(in_folder, 16, {"epochs": 50, "learning_rate": 1e-2}, eval_every=100)
    run.run(dataclasses.replace(memorise, end=Path("models/end")))
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained("models/end")
    tokenizer = AutoTokenizer.from_pretrained("models/end")
    right = 0
    for row in tiny_llama.rows(16):
        prompt = torch.tensor(encoding.encode_prompts([row["prompt"]], tokenizer))
        answer = model.generate(prompt, max_new_tokens=6, do_sample=False)[0, prompt.shape[1] :]
        right += tokenizer.decode(answer) == f"{row['target']} </s>"
    assert right >= 15


def test_the_loss_is_the_mean_over_target_tokens_and_prompts_have_no_part(in_folder):
    settings = job(in_folder)
    tokenizer, model = tiny_llama.tokenizer(), tiny_llama.model().eval()
    dev = encoding.encode(io.read("dev.jsonl"), tokenizer, 64, "dev")
    total, targets = 0.0, 0
    for example in dev:
        with torch.no_grad():
            logits = model(torch.tensor([example.input_ids])).logits[0]
        for at in range(example.prompt_length, len(example.input_ids)):
            total -= torch.log_softmax(logits[at - 1], -1)[example.input_ids[at]].item()
            targets += 1
    still = dataclasses.replace(
        settings, recipe=dataclasses.replace(settings.recipe, learning_rate=0.0)
    )
    run.run(still)
    assert losses("eval_loss") == pytest.approx([total / targets] * 3, rel=1e-4)


@pytest.mark.parametrize(
    "shared", [{"micro_batch": 2}, {"micro_batch": 2, "packing": True}, {"packing": True}]
)
def test_accumulation_and_packing_leave_the_learning_curve_as_it_is(in_folder, shared):
    run.run(job(in_folder))
    plain, curve = load_file("models/mtl_0/model.safetensors"), losses("loss") + losses("eval_loss")
    run.run(job(in_folder, **shared))
    assert losses("loss") + losses("eval_loss") == pytest.approx(curve, rel=1e-4)
    for name, tensor in load_file("models/mtl_0/model.safetensors").items():
        torch.testing.assert_close(tensor, plain[name], rtol=1e-3, atol=1e-4)


def test_two_runs_are_byte_identical_and_another_seed_is_not(in_folder):
    def everything() -> dict[str, bytes]:
        files = [p for root in ("models", "metrics") for p in Path(root).rglob("*") if p.is_file()]
        return {str(path): path.read_bytes() for path in files}

    run.run(job(in_folder))
    first = everything()
    run.run(job(in_folder))
    assert everything() == first
    run.run(dataclasses.replace(job(in_folder), seed=1))
    assert weights(Path("models/mtl_1")) != weights()


def test_the_checkpoint_with_the_lowest_evaluation_loss_is_exported(in_folder, monkeypatch):
    found = iter([2.0, 1.0, 1.0])
    monkeypatch.setattr(trainer.CompletionTrainer, "dev_loss", lambda self: next(found))
    run.run(dataclasses.replace(job(in_folder), end=Path("models/end")))
    best, end = weights(), weights(Path("models/end"))
    assert "| this step | 8 |" in Path("models/mtl_0/README.md").read_text()
    assert "| this step | 9 |" in Path("models/end/README.md").read_text()
    assert best != end


def test_no_epoch_takes_the_start_model_over_as_it_is(in_folder):
    run.run(dataclasses.replace(job(in_folder, recipe={"epochs": 0}), end=Path("models/end")))
    assert weights() == weights(Path("models/end")) == weights(Path("start"))
    (header,) = Path("metrics/train/mtl_0.csv").read_text().splitlines()
    assert header.startswith("step,epoch,loss,eval_loss")
    assert not Path(".work/train").exists()


@pytest.mark.parametrize("epochs", [0, 1])
def test_what_published_files_hold_beside_the_parameters_is_not_exported(in_folder, epochs):
    settings = job(in_folder, recipe={"epochs": epochs})
    start = load_file("start/model.safetensors")
    buffers = {f"model.layers.{i}.self_attn.rotary_emb.inv_freq": torch.ones(4) for i in range(2)}
    twin = {"lm_head.weight": start["model.embed_tokens.weight"].clone()}
    save_file(start | buffers | twin, "start/model.safetensors", metadata={"format": "pt"})
    run.run(settings)
    assert load_file("models/mtl_0/model.safetensors").keys() == start.keys()


def test_a_start_model_that_lacks_a_parameter_is_refused_before_training(in_folder):
    settings = job(in_folder)
    tensors = load_file("start/model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, "start/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="start: its safetensors lack model.norm.weight"):
        run.run(settings)
    assert not list(Path(".work/train").glob("*/*/checkpoint-*"))


def test_the_text_part_of_a_model_of_text_and_images_is_trained_and_the_whole_exported(in_folder):
    from transformers import AutoModelForCausalLM, Gemma3Config, Gemma3ForConditionalGeneration

    text = tiny_llama.SIZES | {"head_dim": 8}
    images = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    images |= {"image_size": 28, "patch_size": 14}
    torch.manual_seed(0)
    model = Gemma3ForConditionalGeneration(
        Gemma3Config(text_config=text, vision_config=images, mm_tokens_per_image=4)
    )
    settings = job(in_folder)
    model.save_pretrained("start")
    run.run(settings)
    before, after = (
        load_file(f"{folder}/model.safetensors") for folder in ("start", "models/mtl_0")
    )
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if "language_model" in name}
    assert losses("eval_loss")[-1] < losses("eval_loss")[0]
    loaded = AutoModelForCausalLM.from_pretrained("models/mtl_0")
    assert torch.equal(
        loaded.get_input_embeddings().weight, after["language_model.model.embed_tokens.weight"]
    )


def test_frozen_parameters_stay_and_all_others_move(in_folder):
    run.run(job(in_folder, frozen=["embed_tokens", "layers.0.mlp"]))
    before, after = (
        load_file(f"{folder}/model.safetensors") for folder in ("start", "models/mtl_0")
    )
    for name in before:
        frozen = "embed_tokens" in name or "layers.0.mlp" in name
        assert torch.equal(before[name], after[name]) == frozen, name


def test_adapters_are_trained_merged_and_exported_as_a_plain_model(in_folder):
    run.run(job(in_folder, lora=training.LoraSettings(rank=4, alpha=8, dropout=0.0)))
    before, after = (
        load_file(f"{folder}/model.safetensors") for folder in ("start", "models/mtl_0")
    )
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if "proj" in name}


def test_adapters_in_bf16_train_in_fp32_over_a_bf16_base_and_export_what_was_evaluated(in_folder):
    settings = job(
        in_folder, lora=training.LoraSettings(rank=4, alpha=8, dropout=0.0), precision="bf16"
    )
    model = trainer.load_model(Path("start"), settings.shared, 0)
    assert {p.dtype for n, p in model.named_parameters() if "lora" in n} == {torch.float32}
    assert {p.dtype for n, p in model.named_parameters() if "lora" not in n} == {torch.bfloat16}
    run.run(settings)
    before, after = (
        load_file(f"{folder}/model.safetensors") for folder in ("start", "models/mtl_0")
    )
    assert before.keys() == after.keys() and {tensor.dtype for tensor in after.values()} == {
        torch.bfloat16
    }
    learned = losses("eval_loss")
    assert learned[-1] < learned[0]
    still = dataclasses.replace(
        job(in_folder, recipe={"learning_rate": 0.0}, precision="bf16"),
        run="again",
        start=Path("models/mtl_0"),
    )
    run.run(still)
    exported = float(Path("metrics/train/again_0.csv").read_text().splitlines()[-1].split(",")[3])
    assert exported == pytest.approx(learned[-1], abs=5e-3)


@pytest.mark.parametrize(
    "shared", [{}, {"lora": training.LoraSettings(rank=4, alpha=8, dropout=0.1)}]
)
def test_a_stopped_run_goes_on_to_the_same_model(in_folder, monkeypatch, capsys, shared):
    run.run(job(in_folder, **shared))
    whole, curve = weights(), Path("metrics/train/mtl_0.csv").read_bytes()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_at(7, patch, KeyboardInterrupt())
        run.run(job(in_folder, **shared))
    run.run(job(in_folder, **shared))
    assert "resuming from" in capsys.readouterr().err
    assert weights() == whole
    assert Path("metrics/train/mtl_0.csv").read_bytes() == curve


def in_a_process(event: str, before: str = "", **shared) -> subprocess.CompletedProcess:
    """The run in a process of its own, in which `event` (Python) happens after step 6, with what
    happens `before` it.
    """
    script = f"""
import os, resource, signal
from pathlib import Path
from tests.support.tiny_llama import job
from reset.training import run, trainer
train = trainer.CompletionTrainer.training_step
def step(self, *args, **kwargs):
    if self.state.global_step == 6:
        {event}
    return train(self, *args, **kwargs)
trainer.CompletionTrainer.training_step = step
{before}
run.run(job(Path.cwd(), **{shared!r}))
"""
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    Path("run.py").write_text(script)
    return warm.run(["run.py"], env)


@pytest.mark.integration
def test_a_killed_process_goes_on_to_the_same_model(in_folder):
    run.run(job(in_folder))
    whole = weights()
    assert in_a_process("os.kill(os.getpid(), signal.SIGKILL)").returncode == -signal.SIGKILL
    assert list(Path(".work/train/mtl_0").glob("*/checkpoint-4"))
    run.run(job(in_folder))
    assert weights() == whole


def test_other_params_do_not_resume_and_say_so(in_folder, monkeypatch, capsys):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_at(7, patch, KeyboardInterrupt())
        run.run(job(in_folder))
    run.run(job(in_folder, weight_decay=0.1))
    message = capsys.readouterr().err
    assert "not resuming from" in message and "other train.shared.weight_decay" in message
    assert not Path(".work/train/mtl_0").exists()


@pytest.mark.parametrize("spoiled", [float("nan"), float("inf"), 1e6])
def test_a_lost_loss_stops_at_its_step_and_keeps_the_last_good_checkpoint(
    in_folder, monkeypatch, spoiled
):
    compute = trainer.CompletionTrainer.compute_loss

    def compute_loss(self, *args, **kwargs):
        loss = compute(self, *args, **kwargs)
        return loss * spoiled if self.state.global_step == 6 else loss

    monkeypatch.setattr(trainer.CompletionTrainer, "compute_loss", compute_loss)
    with pytest.raises(InputError, match=r"loss is .* at step 7: .*kept in \.work/train/mtl_0"):
        run.run(job(in_folder))
    (kept,) = Path(".work/train/mtl_0").glob("*/checkpoint-4")
    assert checkpoints.is_whole(kept)
    assert all(
        torch.isfinite(tensor).all() for tensor in load_file(kept / "model.safetensors").values()
    )
    assert not Path("models/mtl_0").exists()


def test_weights_alone_between_whole_checkpoints_lead_to_the_same_model(
    in_folder, monkeypatch, capsys
):
    run.run(job(in_folder, eval_every=2, save_every=2))
    whole, curve = weights(), Path("metrics/train/mtl_0.csv").read_bytes()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_at(8, patch, KeyboardInterrupt())
        run.run(job(in_folder, eval_every=2, save_every=4))
    folder = checkpoint_folder()
    # the weights of step 6, the best so far, were in memory alone
    assert [path.name for path in folder.glob("checkpoint-*")] == ["checkpoint-4"]
    run.run(job(in_folder, eval_every=2, save_every=4))
    assert "checkpoint-4" in capsys.readouterr().err
    live = Path(".work/live/mtl_0/plots/metrics/loss.tsv").read_text().splitlines()[1:]
    assert [line.split("\t")[0] for line in live] == [
        "2",
        "4",
        "6",
        "8",
        "9",
    ]  # 6 was logged before the stop, too
    assert weights() == whole
    assert Path("metrics/train/mtl_0.csv").read_bytes() == curve


@pytest.mark.parametrize(
    "shared", [{}, {"lora": training.LoraSettings(rank=4, alpha=8, dropout=0.0)}]
)
def test_the_best_weights_between_checkpoints_are_those_of_their_step(
    in_folder, monkeypatch, shared
):
    """Steps 2, 4, 6, 8, 9 are evaluated, of which 6 is the best; whole checkpoints come at 4 and
    8.
    """
    compute = trainer.CompletionTrainer.dev_loss
    monkeypatch.setattr(
        trainer.CompletionTrainer,
        "dev_loss",
        lambda self: compute(self) + abs(self.state.global_step - 6),
    )
    run.run(job(in_folder, eval_every=2, save_every=2, **shared))
    whole, end = weights(), Path("metrics/train/mtl_0.csv").read_bytes()
    written = []
    save = trainer.CompletionTrainer.save_model

    def save_model(self, output_dir=None, _internal_call=False):
        written.append(Path(output_dir).name)
        save(self, output_dir, _internal_call)

    monkeypatch.setattr(trainer.CompletionTrainer, "save_model", save_model)
    run.run(job(in_folder, eval_every=2, save_every=4, **shared))
    assert weights() == whole and Path("metrics/train/mtl_0.csv").read_bytes() == end
    assert written == ["checkpoint-4", "checkpoint-6", "checkpoint-8", "checkpoint-9"]


def test_without_dvclive_loss_and_speed_are_still_printed(in_folder, monkeypatch, capsys):
    monkeypatch.setattr(trainer, "find_spec", lambda name: None)
    run.run(job(in_folder))
    said = capsys.readouterr().out
    assert re.search(r"step 4 of 9: loss [\d.]+, [\d,]+ tokens/s", said)
    assert not Path(".work/live").exists()


def test_the_start_model_is_read_once_and_again_when_it_changes(in_folder, monkeypatch):
    job(in_folder)
    first = digests.folder_digest(Path("start"))
    assert first == hashing.file_digest("start")
    with monkeypatch.context() as patch:
        patch.setattr(hashing, "file_digest", None)
        assert digests.folder_digest(Path("start")) == first
    (in_folder / "start/added").write_text("x")
    assert digests.folder_digest(Path("start")) == hashing.file_digest("start") != first


@pytest.mark.integration
def test_a_full_disk_leaves_the_checkpoint_before_it(in_folder):
    """A limit on the size of files makes the kernel refuse a write half-way, as a full disk
    does.
    """
    run.run(job(in_folder))
    whole = weights()
    done = in_a_process("resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))")
    assert done.returncode == 1 and "File too large" in done.stderr, done.stderr
    folder = checkpoint_folder()
    assert checkpoints.is_whole(folder / "checkpoint-4")
    assert (folder / "checkpoint-8").exists() and not checkpoints.is_whole(folder / "checkpoint-8")
    run.run(job(in_folder))
    assert weights() == whole


# In front of the run of `in_a_process`: kill it at the nth call that renames or removes a file or a
# folder, which saving, pruning, exporting and the removal at the end do.
COUNTED = """
import os, signal
left = {calls}
def counted(call):
    def wrapper(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return wrapper
for name in ("rename", "replace", "unlink", "rmdir"):
    setattr(os, name, counted(getattr(os, name)))
"""


@pytest.mark.integration
# while a checkpoint is marked, another is removed, the model moved into place, all removed
@pytest.mark.parametrize("calls", [12, 20, 32, 42])
def test_a_kill_while_files_are_renamed_or_removed_costs_no_byte(in_folder, calls):
    shared = {"eval_every": 2, "save_every": 4}
    run.run(job(in_folder, **shared))
    whole, curve = weights(), Path("metrics/train/mtl_0.csv").read_bytes()
    shutil.rmtree("models")
    shutil.rmtree("metrics")
    done = in_a_process("pass", COUNTED.format(calls=calls), **shared)
    assert done.returncode == -signal.SIGKILL, done.stderr
    run.run(job(in_folder, **shared))
    assert weights() == whole
    assert Path("metrics/train/mtl_0.csv").read_bytes() == curve
    assert not list(Path(".work/train").glob("*"))


def test_bf16_trains_in_fp32_weights_and_exports_bf16(in_folder):
    run.run(job(in_folder, precision="bf16"))
    tensors = load_file("models/mtl_0/model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}
    assert losses("eval_loss")[-1] < losses("eval_loss")[0]


def test_what_accelerate_reads_from_the_environment_changes_no_weight(
    in_folder, monkeypatch, capsys
):
    run.run(job(in_folder))
    plain = weights()
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "EAGER")
    monkeypatch.setenv("FSDP_STATE_DICT_TYPE", "SHARDED_STATE_DICT")
    run.run(job(in_folder))
    assert "ACCELERATE_MIXED_PRECISION=bf16, FSDP_STATE" in capsys.readouterr().err
    assert weights() == plain


def test_a_process_that_sees_several_gpus_uses_one(in_folder, monkeypatch, capsys):
    """The Trainer would wrap the model in DataParallel; no GPU is needed to see that it does
    not.
    """
    settings = job(in_folder)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    arguments = trainer.arguments(settings, 8, 1, in_folder / "out")
    assert arguments.n_gpu == 1 and arguments.train_batch_size == 8
    assert "2 GPUs are visible, and one is used" in capsys.readouterr().out


@pytest.mark.integration
def test_a_clusters_rank_and_world_size_do_not_reach_a_run_of_one_process(in_folder):
    settings = job(in_folder)
    run.run(settings)
    whole = weights()
    train = {
        "shared": dataclasses.asdict(settings.shared),
        "mtl": dataclasses.asdict(settings.recipe),
    }
    Path("profiles").mkdir()
    for name in ("params.yaml", "profiles/paper.yaml"):
        Path(name).write_text(yaml.safe_dump({"train": train}))
    stages = {"mtl": {"params": ["train.shared", "train.mtl"]}}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    words = "mtl 0 --start start --data .".split()
    root = Path(__file__).parents[2]
    cluster = {"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "3", "MASTER_ADDR": "box1"}
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), **cluster, "PMI_SIZE": "8"}
    done = warm.run([str(root / "stages/train.py"), *words], environment)
    assert done.returncode == 0, done.stderr
    assert "ignored, since params.yaml decides: RANK=3, WORLD_SIZE=8" in done.stderr
    assert weights() == whole


def test_gradient_checkpointing_changes_no_weight(in_folder):
    run.run(job(in_folder))
    plain = weights()
    run.run(job(in_folder, gradient_checkpointing=True))
    assert weights() == plain


def test_a_wider_length_window_changes_the_order_and_still_learns(in_folder):
    run.run(job(in_folder))
    plain = weights()
    run.run(job(in_folder, length_window=4))
    assert weights() != plain
    assert losses("eval_loss")[-1] < losses("eval_loss")[0]


def test_the_curve_has_a_row_for_each_logged_or_evaluated_step():
    history = [
        {"step": 10, "loss": 2.0, "learning_rate": 1e-3, "grad_norm": 0.5},
        {"step": 10, "eval_loss": 1.75},
        {"step": 15, "eval_loss": 1.5},
        {"step": 15, "train_runtime": 3.0},
    ]
    assert (
        run.curve(history, steps_per_epoch=20)
        == "step,epoch,loss,eval_loss,perplexity,learning_rate,grad_norm\n"
        "10,0.5,2,1.75,5.7546,0.001,0.5\n"
        "15,0.75,,1.5,4.48169,,\n"
    )


@pytest.mark.parametrize(
    ("micro", "processes", "expected"),
    [(8, 1, (8, 1)), (2, 1, (2, 4)), (32, 1, (8, 1)), (2, 2, (2, 2)), (8, 4, (2, 1))],
)
def test_a_batch_is_shared_out_over_processes_and_micro_batches(
    in_folder, micro, processes, expected
):
    assert training.split_batch(job(in_folder, micro_batch=micro), processes) == expected


@pytest.mark.parametrize(("micro", "processes"), [(3, 1), (8, 3), (3, 2), (1, 16), (0, 1)])
def test_a_batch_that_does_not_divide_is_refused(in_folder, micro, processes):
    with pytest.raises(
        InputError, match=f"train.mtl.batch 8 cannot be shared out over {processes} processes"
    ):
        training.split_batch(job(in_folder, micro_batch=micro), processes)


@pytest.mark.parametrize("name", ["train.jsonl", "dev.jsonl"])
def test_files_without_rows_are_named(in_folder, name):
    settings = job(in_folder)
    Path(name).write_text("")
    with pytest.raises(InputError, match=f"{name}: no rows"):
        run.run(settings)


def test_a_model_folder_without_tokenizer_or_without_model_is_named(in_folder):
    settings = job(in_folder)
    for path in Path("start").glob("tokenizer*"):
        path.unlink()
    with pytest.raises(InputError, match="start: no usable tokenizer"):
        run.run(settings)
    with pytest.raises(InputError, match="start: no model folder"):
        Path("start/config.json").unlink()
        run.run(settings)


def test_kernels_without_their_package_are_refused_with_what_to_set(in_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "liger_kernel", None)
    monkeypatch.setitem(sys.modules, "flash_attn", None)
    with pytest.raises(
        InputError,
        match="train.shared.liger needs the package liger-kernel: install it, or set false",
    ):
        run.run(job(in_folder, liger=True))
    with pytest.raises(
        InputError, match="train.shared.attention needs the package flash-attn: .* or set sdpa"
    ):
        run.run(job(in_folder, attention="flash_attention_2"))


def test_adapters_that_a_model_cannot_have_are_refused(in_folder):
    settings = job(in_folder, lora=training.LoraSettings(rank=4, alpha=8, dropout=0.0))
    state = {"mamba_d_ssm": 64, "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_d_state": 8}
    tiny_llama.model("falcon_h1", **state).save_pretrained(in_folder / "start")
    with pytest.raises(InputError, match=r"train.shared.lora: start cannot have .*; set null"):
        run.run(settings)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_kernels_for_a_gpu_are_refused_without_one(in_folder, monkeypatch):
    (in_folder / "liger_kernel.py").write_text("")
    monkeypatch.syspath_prepend(in_folder)
    with pytest.raises(
        InputError, match="train.shared.liger needs a GPU, and there is none: set false"
    ):
        run.run(job(in_folder, liger=True))


def test_eager_attention_learns_the_same(in_folder):
    run.run(job(in_folder))
    curve = losses("loss") + losses("eval_loss")
    for packing in (False, True):
        run.run(job(in_folder, attention="eager", packing=packing))
        assert losses("loss") + losses("eval_loss") == pytest.approx(curve, rel=1e-4)


@pytest.mark.parametrize("kind", ["opt", "falcon"])
def test_packing_is_refused_before_the_first_step_where_rows_would_see_each_other(in_folder, kind):
    settings = job(in_folder, packing=True)
    sizes = {"ffn_dim": 48, "word_embed_proj_dim": 32} if kind == "opt" else {}
    tiny_llama.model(kind, **sizes).save_pretrained("start")
    with pytest.raises(
        InputError, match="train.shared.packing: this model does not keep packed rows apart"
    ):
        run.run(settings)
    folder = checkpoint_folder()
    assert not list(folder.glob("checkpoint-*"))
    run.run(job(in_folder))


@pytest.mark.integration
def test_a_compiled_model_learns_the_same(in_folder, monkeypatch):
    """Captured and differentiated as graphs, which are run without the C++ that Inductor takes
    minutes to write and compile.
    """
    job(in_folder, count=24)
    tiny_llama.model(num_hidden_layers=1).save_pretrained("start")
    run.run(job(in_folder))
    curve = losses("loss") + losses("eval_loss")
    graphs = functools.partial(trainer.TrainingArguments, torch_compile_backend="aot_eager")
    monkeypatch.setattr(trainer, "TrainingArguments", graphs)
    run.run(job(in_folder, compile=True))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert losses("loss") + losses("eval_loss") == pytest.approx(curve, rel=1e-4)


def test_a_run_says_its_size_speed_and_time_left_and_logs_them_to_dvclive(in_folder, capsys):
    run.run(job(in_folder))
    said = capsys.readouterr().out
    assert re.search(r"mtl_0: 72 examples, 1 epochs, 9 steps, \d+ tokens", said)
    assert re.search(
        r"step 4 of 9: loss [\d.]+, [\d,]+ tokens/s, [\d.]+ GiB, [\d.]+ minutes left", said
    )
    assert re.search(r"step 4: evaluation loss [\d.]+, perplexity=[\d.]+", said)
    for name, steps in (
        ("tokens_per_second", 3),
        ("memory_gib", 3),
        ("loss", 3),
        ("perplexity", 3),
    ):
        header, *lines = Path(f".work/live/mtl_0/plots/metrics/{name}.tsv").read_text().splitlines()
        assert header.split("\t") == ["step", name] and len(lines) == steps
        assert all(float(line.split("\t")[1]) > 0 for line in lines)


def test_steps_after_the_resumed_one_are_forgotten_in_a_table_that_a_full_disk_left_empty_too(
    in_folder,
):
    tables = in_folder / "plots/metrics"
    tables.mkdir(parents=True)
    (tables / "loss.tsv").write_text("step\tloss\n10\t2.5\n20\t2.25\n")
    (tables / "memory_gib.tsv").write_text("")
    progress.forget_after(10, in_folder)
    assert (tables / "loss.tsv").read_text() == "step\tloss\n10\t2.5\n"
    assert (tables / "memory_gib.tsv").read_text() == ""


def test_the_share_of_the_peak_is_printed_where_it_is_known(in_folder, monkeypatch, capsys):
    monkeypatch.setattr(devices, "peak", lambda device: 1e9)
    run.run(job(in_folder, precision="bf16"))
    assert re.search(r"tokens/s, MFU \d+%, ", capsys.readouterr().out)


def test_whole_checkpoints_come_with_evaluations_only(in_folder):
    with pytest.raises(InputError, match="save_every 6 is no multiple of eval_every 4"):
        run.run(job(in_folder, save_every=6))


def test_checkpoints_of_other_training_code_are_not_taken(in_folder, monkeypatch):
    before = run.identity(job(in_folder))
    digest = hashing.file_digest
    for file in (batches.__file__, chat_template.__file__):
        changed = functools.partial(
            lambda path, file: "x" if path == file else digest(path), file=file
        )
        monkeypatch.setattr(hashing, "file_digest", changed)
        assert run.identity(job(in_folder))["training code"] != before["training code"]


def test_checkpoints_of_another_deepspeed_file_are_not_taken(in_folder):
    settings = job(in_folder, deepspeed="zero.json")
    Path("zero.json").write_text('{"zero_optimization": {"stage": 2}}')
    before = run.identity(settings)
    assert run.identity(settings) == before
    Path("zero.json").write_text('{"zero_optimization": {"stage": 3}}')
    changed = {key for key, value in run.identity(settings).items() if value != before[key]}
    assert changed == {"DeepSpeed file"}


def test_settings_without_effect_are_refused(in_folder):
    with pytest.raises(InputError, match="frozen 'wte' is in no parameter's name"):
        run.run(job(in_folder, frozen=["wte"]))
    with pytest.raises(InputError, match="frozen has no effect with lora"):
        run.run(
            job(
                in_folder,
                frozen=["embed"],
                lora=training.LoraSettings(rank=4, alpha=8, dropout=0.0),
            )
        )


def test_deepspeed_without_file_or_launcher_is_refused(in_folder, monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(InputError, match="deepspeed 'configs/zero9.json' is no file"):
        run.run(job(in_folder, deepspeed="configs/zero9.json"))
    Path("zero3.json").write_text('{"zero_optimization": {"stage": 3},}')
    with pytest.raises(InputError, match="deepspeed 'zero3.json' is not JSON"):
        run.run(job(in_folder, deepspeed="zero3.json"))
    Path("zero3.json").write_text("{}")
    with pytest.raises(InputError, match="needs train.shared.launch too"):
        run.run(job(in_folder, deepspeed="zero3.json"))


def test_a_deepspeed_file_that_is_missing_is_named_before_any_row_is_encoded(in_folder):
    settings = job(in_folder, deepspeed="zero9.json", launch="torchrun")
    with pytest.raises(InputError, match="deepspeed 'zero9.json' is no file"):
        run.prepare(settings)
    assert not settings.work.exists()


def test_the_plan_of_a_run_does_not_depend_on_the_number_of_processes(in_folder):
    lengths = [3 + i % 9 for i in range(72)]
    steps = batches.optimizer_batches(lengths, 8, 1, 1, seed=0)
    together = {frozenset(step) for step in steps}
    plans = [batches.micro_batches(steps, 2, 2, 2, rank) for rank in (0, 1)]
    for i in range(len(steps)):
        rows = frozenset(
            row for plan in plans for micro in plan[2 * i : 2 * i + 2] for row in micro
        )
        assert rows in together

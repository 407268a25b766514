"""Two processes on this machine's CPU: the same model as one process gives, with and without
DeepSpeed.
"""

import dataclasses
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from reset.training import run, trainer
from reset.training.settings import LoraSettings
from tests.support import tiny_llama, warm
from tests.support.tiny_llama import job

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
TWO_BOXES = "two boxes, without DeepSpeed"
SCRIPT = """
import os, signal, sys
from pathlib import Path
import deepspeed.ops
from tests.support.tiny_llama import job
from reset.training import launch, run, trainer
from reset.training.settings import LoraSettings
deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False  # else a compiler runs for a minute
stop, best, shared = int(sys.argv[1]), int(sys.argv[2]), eval(sys.argv[3])
train = trainer.CompletionTrainer.training_step
def step(self, *args, **kwargs):
    if self.state.global_step == stop:
        os.kill(os.getpid(), signal.SIGKILL)
    return train(self, *args, **kwargs)
trainer.CompletionTrainer.training_step = step
loss = trainer.CompletionTrainer.dev_loss
if best:  # the farther a step is from this one, the worse it seems
    trainer.CompletionTrainer.dev_loss = lambda self: (
        loss(self) + abs(self.state.global_step - best)
    )
run.run(job(Path.cwd(), **shared))
launch.leave()
"""


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def environment(**more: str) -> dict[str, str]:
    # DeepSpeed looks for ninja beside this Python
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    paths = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PATH": path}
    return {**os.environ, **paths, "OMP_NUM_THREADS": "1", **more}


def forks() -> dict[str, str]:
    """Let torchrun start its processes as forks; deepspeed, which knows no such name, does not."""
    return {"PYTHON_EXEC": str(warm.start() / "fork")}


def words(stop: int, best: int, shared: dict) -> list[str]:
    Path("two.py").write_text(SCRIPT)
    return ["two.py", str(stop), str(best), repr(shared)]


def launch(processes: int, stop: int = -1, best: int = 0, **shared) -> subprocess.CompletedProcess:
    """The run in that many processes, without the seconds that torchrun and imports take; the tests
    of launchers pay for these.
    """
    return warm.run(words(stop, best, shared), environment(), processes)


def launch_on_two_boxes(best: int, **shared) -> list[int]:
    """What configs/launch/node.sh returns on each of two boxes with one process, both of them this
    machine, by an address that needs no name.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    slurm = {"SLURM_NNODES": "2", "SLURM_GPUS_ON_NODE": "1", "SLURM_JOB_ID": "7"}
    here = {"RESET_RENDEZVOUS": f"127.0.0.1:{port}", "PET_LOCAL_ADDR": "127.0.0.1"}
    env = environment(**slurm, **here, **forks())
    command = ["bash", str(ROOT / "configs/launch/node.sh"), *words(-1, best, shared)]
    boxes = [subprocess.Popen(command, env=env) for _ in range(2)]
    return [box.wait(timeout=300) for box in boxes]


def curve() -> list[list[float]]:
    lines = Path("metrics/train/mtl_0.csv").read_text().splitlines()[1:]
    return [[float(cell) for cell in line.split(",")] for line in lines]


@pytest.fixture
def alone(in_folder) -> list[list[float]]:
    run.run(job(in_folder))
    os.rename("models/mtl_0", "alone")
    return curve()


def same_as(alone: list[list[float]]) -> None:
    """The curve and the fp32 weights are those of the run of one process."""
    for ours, theirs in zip(curve(), alone, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)
    one, two = load_file("alone/model.safetensors"), load_file("models/mtl_0/model.safetensors")
    assert one.keys() == two.keys()
    for name, tensor in two.items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, one[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("config", [TWO_BOXES, "zero2.json", "zero3.json", "zero3_offload.json"])
def test_two_processes_learn_and_keep_what_one_does(in_folder, monkeypatch, config):
    """The best step lies between two checkpoints, so its weights come from the memory of all
    processes.
    """
    steps = {"eval_every": 2, "save_every": 4}
    loss = trainer.CompletionTrainer.dev_loss
    with monkeypatch.context() as patch:
        patch.setattr(
            trainer.CompletionTrainer,
            "dev_loss",
            lambda self: loss(self) + abs(self.state.global_step - 6),
        )
        run.run(job(in_folder, **steps))
    os.rename("models/mtl_0", "alone")
    alone = curve()
    if config == TWO_BOXES:
        assert launch_on_two_boxes(best=6, micro_batch=2, **steps) == [0, 0]
    else:
        deepspeed = str(ROOT / "configs" / config)
        done = launch(2, best=6, micro_batch=2, deepspeed=deepspeed, **steps)
        assert done.returncode == 0, done.stderr
    assert [row[0] for row in alone] == [2, 4, 6, 8, 9]
    for folder in ("alone", "models/mtl_0"):
        assert "| best step | 6 |" in Path(folder, "README.md").read_text()
    same_as(alone)


def test_a_killed_zero3_run_ends_as_one_that_was_not_and_goes_on_with_as_many_processes(alone):
    """In bf16, with packed rows and gradient checkpointing, as a large model is trained."""
    shared = {
        "micro_batch": 2,
        "packing": True,
        "precision": "bf16",
        "gradient_checkpointing": True,
        "eval_every": 2,
        "save_every": 4,
        "deepspeed": str(ROOT / "configs/zero3.json"),
    }
    done = launch(2, **shared)
    assert done.returncode == 0, done.stderr
    one, whole = (load_file(f"{folder}/model.safetensors") for folder in ("alone", "models/mtl_0"))
    assert {n: t.shape for n, t in whole.items()} == {n: t.shape for n, t in one.items()}
    assert {t.dtype for t in whole.values()} == {torch.bfloat16}
    assert curve()[-1][3] == pytest.approx(alone[-1][3], abs=0.01)

    weights = Path("models/mtl_0/model.safetensors").read_bytes()
    log = Path("metrics/train/mtl_0.csv").read_bytes()
    assert launch(2, stop=7, **shared).returncode != 0
    other = launch(1, stop=0, **shared)
    assert "not resuming from" in other.stderr and "other number of processes" in other.stderr
    done = launch(2, **shared)
    assert done.returncode == 0 and "checkpoint-4" in done.stderr, done.stderr
    assert Path("models/mtl_0/model.safetensors").read_bytes() == weights
    assert Path("metrics/train/mtl_0.csv").read_bytes() == log


def test_packed_rows_dealt_unevenly_to_two_processes_learn_what_padded_ones_do(alone):
    done = launch(2, micro_batch=2, packing=True)
    assert done.returncode == 0, done.stderr
    same_as(alone)


def test_packing_is_refused_under_zero3_where_rows_would_see_each_other(in_folder):
    job(in_folder)
    tiny_llama.model("opt", ffn_dim=48, word_embed_proj_dim=32).save_pretrained("start")
    done = launch(2, micro_batch=4, packing=True, deepspeed=str(ROOT / "configs/zero3.json"))
    assert done.returncode != 0
    assert "train.shared.packing: this model does not keep packed rows apart" in done.stderr, (
        done.stderr
    )


def test_adapters_under_zero3_are_merged_into_the_model_that_one_process_gets(in_folder):
    adapters = {"lora": LoraSettings(rank=4, alpha=8, dropout=0.0)}
    run.run(job(in_folder, **adapters))
    os.rename("models/mtl_0", "alone")
    alone = curve()
    done = launch(2, micro_batch=4, deepspeed=str(ROOT / "configs/zero3.json"), **adapters)
    assert done.returncode == 0, done.stderr
    same_as(alone)


@pytest.mark.parametrize(
    "command",
    ["python -m torch.distributed.run --standalone --nproc_per_node 2", "deepspeed --num_gpus 2"],
)
def test_the_stage_starts_its_processes_with_the_launch_command(in_folder, command):
    settings = job(in_folder, launch=f"{Path(sys.executable).parent}/{command}", micro_batch=4)
    import yaml

    train = {
        "shared": dataclasses.asdict(settings.shared),
        "mtl": dataclasses.asdict(settings.recipe),
    }
    Path("params.yaml").write_text(yaml.safe_dump({"train": train}))
    Path("profiles").mkdir()
    Path("profiles/paper.yaml").write_text(yaml.safe_dump({"train": train}))
    Path("dvc.yaml").write_text(
        yaml.safe_dump({"stages": {"mtl": {"params": ["train.shared", "train.mtl"]}}})
    )
    words = "mtl 0 --start start --data .".split()
    env = {**os.environ, **forks(), "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "stages/train.py"), *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert Path("models/mtl_0/model.safetensors").is_file() and len(curve()) == 3

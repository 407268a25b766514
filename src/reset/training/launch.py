"""A stage that runs as several processes: it starts itself again under torchrun, deepspeed or srun.

What else the environment says of processes and of training settings is ignored, and named on
stderr: params.yaml alone decides what is trained.
"""

import os
import shlex
import shutil
import subprocess
import sys

from reset.core.errors import InputError

FOLDED = "launched"  # first word of the one argument that `relaunch` makes of the script's own

# What launchers and clusters set to tell processes of each other.
CLUSTER = (
    "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "LOCAL_SIZE", "MASTER_ADDR",
    "MASTER_PORT",
)  # fmt: skip

# Prefixes of what accelerate, transformers and cuBLAS read beside their arguments: precision,
# sharding, accumulation, and the processes of MPI.
SETTINGS = (
    "ACCELERATE_",
    "FSDP_",
    "MEGATRON_LM_",
    "PARALLELISM_CONFIG_",
    "XLA_USE_BF16",
    "XLA_DOWNCAST_BF16",
    "SM_FRAMEWORK_PARAMS",
    "SM_HP_MP_PARAMETERS",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "PMI_",
    "MPI_LOCAL",
    "OMPI_COMM_WORLD_",
    "MV2_COMM_WORLD_",
)


def ignore_cluster() -> None:
    """Remove CLUSTER from the environment of a process that `relaunch` did not start.

    A cluster sets these for jobs of its own; `train.shared.launch` alone says how many processes
    train.
    """
    if not _folded():
        _ignore([name for name in CLUSTER if name in os.environ])


def ignore_settings() -> None:
    """Remove what begins with one of SETTINGS from the environment."""
    _ignore(sorted(name for name in os.environ if name.startswith(SETTINGS)))


def _ignore(names: list[str]) -> None:
    if not names:
        return
    values = ", ".join(f"{name}={os.environ.pop(name)}" for name in names)
    if rank() == 0:
        print(f"ignored, since params.yaml decides: {values}", file=sys.stderr)


def _folded() -> bool:
    return sys.argv[-1].startswith(f"{FOLDED} ")


def inside() -> bool:
    """Whether a launcher started this process (torchrun and deepspeed both set RANK and
    WORLD_SIZE).
    """
    return "RANK" in os.environ


def rank() -> int:
    """This process among all; 0 leads: it alone writes and speaks."""
    return int(os.environ.get("RANK", 0))


def processes() -> int:
    """How many processes train together, over all machines."""
    return int(os.environ.get("WORLD_SIZE", 1))


def arguments() -> list[str]:
    """The script's arguments, also where `relaunch` folded them into one: the last, for deepspeed
    puts --local_rank before it.
    """
    if _folded():
        return shlex.split(sys.argv[-1])[1:]
    return sys.argv[1:]


def relaunch(command: str) -> None:
    """Run this script with its arguments under `command`; InputError when that is missing or ends
    badly.

    The arguments travel as one word: torchrun would take `--run` for its own `--run-path`.
    """
    words = shlex.split(command)
    if not words or not shutil.which(words[0]):
        raise InputError(
            f"params.yaml: train.shared.launch '{command}' does not begin with a command that can"
            " be run"
        )
    folded = shlex.join([FOLDED, *sys.argv[1:]])
    code = subprocess.run([*words, sys.argv[0], folded], check=False).returncode
    if code:
        raise InputError(f"'{command}' ended with code {code}; its messages above name the cause")


def leave() -> None:
    """End this process with code 0 once the others are here, too, where a launcher started it.

    At once, since threads of a process group now and then abort a process that ends as usual, and
    the launcher then stops the leader, which may still be writing the model.
    """
    if not inside():
        return
    from torch import distributed

    if distributed.is_initialized():
        distributed.barrier()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)

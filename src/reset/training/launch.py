"""A stage that runs as several processes: it starts itself again under torchrun, deepspeed or srun."""

import os
import shlex
import shutil
import subprocess
import sys

from reset.core.errors import InputError


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
    return shlex.split(sys.argv[-1]) if inside() else sys.argv[1:]


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
    code = subprocess.run([*words, sys.argv[0], shlex.join(sys.argv[1:])], check=False).returncode
    if code:
        raise InputError(f"'{command}' ended with code {code}; what failed is said above")


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

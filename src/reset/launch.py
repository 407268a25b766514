"""A stage that runs as several processes: it starts itself again under torchrun, deepspeed or srun."""

import os
import shlex
import shutil
import subprocess
import sys

from reset.errors import InputError


def inside() -> bool:
    """Whether a launcher started this process (torchrun and deepspeed both set RANK)."""
    return "RANK" in os.environ


def relaunch(command: str) -> None:
    """Run this script with its arguments under `command`; InputError when that is missing or ends badly."""
    words = shlex.split(command)
    if not words or not shutil.which(words[0]):
        raise InputError(f"params.yaml: train.shared.launch '{command}' does not begin with a command that can be run")
    code = subprocess.run([*words, *sys.argv], check=False).returncode
    if code:
        raise InputError(f"'{command}' ended with code {code}; what failed is said above")

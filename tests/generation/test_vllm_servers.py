"""Which GPUs the servers of configs/launch/vllm_servers.sh get; test_vllm_real.py starts a real one
with it.
"""

import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path("configs/launch/vllm_servers.sh").resolve()
PYTHON = """#!/bin/bash
if [ "$1" = -m ]; then
  while [ "$1" != --port ]; do shift; done
  echo "${CUDA_VISIBLE_DEVICES-unset}" >"$2.part" && mv "$2.part" "$2"
  exec sleep 600
fi
port=${2##*:}
[ "$no_proxy" = 127.0.0.1 ] && [ -e "${port%%/*}" ]
"""
GPUS = 'for ((i = 0; i < %d; i++)); do echo "GPU $i: NVIDIA H100 80GB HBM3 (UUID: GPU-0$i)"; done'
NONE = (
    "echo 'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.'; echo;"
    " exit 9"
)


@pytest.mark.parametrize(
    "smi, visible, arguments, expected",
    [
        (GPUS % 1, None, [], ["0"]),
        (GPUS % 3, None, [], ["0", "1", "2"]),
        (GPUS % 8, "4,5", [], ["4", "5"]),
        (GPUS % 4, None, ["--tensor-parallel-size", "2"], ["0,1", "2,3"]),
        (GPUS % 3, None, ["--tensor-parallel-size", "2"], ["0,1"]),
        (GPUS % 8, "2,3,6,7", ["--dtype", "bfloat16", "--tensor-parallel-size=2"], ["2,3", "6,7"]),
        (GPUS % 1, None, ["--tensor-parallel-size", "2"], ["0"]),  # vLLM says what is missing
        (GPUS % 2, "", [], [""]),
        (NONE, None, [], ["unset"]),
        ("exit 127", None, [], ["unset"]),
    ],
)
def test_each_server_has_gpus_of_its_own(tmp_path, smi, visible, arguments, expected):
    """With a stand-in for nvidia-smi, and one for Python whose server writes down its GPUs under
    its port.
    """
    for name, text in (("nvidia-smi", f"#!/bin/bash\n{smi}\n"), ("python", PYTHON)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"}
    environment |= {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    command = ["bash", SCRIPT, "models/mtl_0", "9000", *arguments]
    servers = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        ports = [re.search(r":(\d+)/v1", servers.stdout.readline())[1] for _ in expected]
        servers.terminate()
        assert servers.communicate(timeout=120)[0] == ""  # no further address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(servers.pid, signal.SIGKILL)
    assert ports == [str(9000 + i) for i in range(len(expected))]
    assert [(tmp_path / port).read_text().strip() for port in ports] == expected

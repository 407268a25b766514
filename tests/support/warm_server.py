"""The process of warm.py: `python warm_server.py NUMBER`, with that of an open socket, imports what
is slow to import, and runs each script that warm_client.py asks for in a fork. It ends when its
standard input does.
"""

import contextlib
import gc
import importlib
import json
import multiprocessing
import os
import runpy
import select
import socket
import sys

FORK = multiprocessing.get_context("fork")
IMPORTED = [
    "datasets",
    "deepspeed.runtime.engine",
    "dvclive",
    "peft",
    "transformers.models.auto.modeling_auto",
    "transformers.models.bert.modeling_bert",
    "transformers.models.llama.modeling_llama",
    "transformers.trainer",
]  # and nothing of this project: a script imports that of its own folder


def main() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()  # the forks share these objects, and look for no garbage among them
    asked = socket.socket(fileno=int(sys.argv[1]))
    while sys.stdin not in select.select([asked, sys.stdin], [], [])[0]:
        asking, _ = asked.accept()
        if os.fork() == 0:
            _serve(asking)
        asking.close()
        _collect(os.WNOHANG)
    _collect(0)


def _collect(how: int) -> None:
    """Take up the forks that have ended, so that their time counts among this process's."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, how)[0]:
            pass


def _serve(asking: socket.socket) -> None:
    """Run a script in one more fork; tell its return code, or end it when nobody waits for it."""
    text, streams, *_ = socket.recv_fds(asking, 1, 3)
    while more := asking.recv(2**16):
        text += more
    script = FORK.Process(target=_become, args=(*json.loads(text), streams))
    script.start()
    poll = select.poll()
    poll.register(script.sentinel)
    poll.register(asking, 0)  # its other end is closed
    if script.sentinel not in dict(poll.poll()):
        script.kill()
    script.join()
    with contextlib.suppress(BrokenPipeError):
        asking.send(str(script.exitcode).encode())
    os._exit(0)


def _become(words: list[str], environment: dict[str, str], folder: str, streams: list[int]) -> None:
    """Run a script as `python` would."""
    import torch

    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    torch.set_num_threads(int(environment.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    paths = [os.path.abspath(path) for path in environment.get("PYTHONPATH", "").split(":") if path]
    sys.path[:1] = [os.path.abspath(os.path.dirname(words[0])), *paths]
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    main()

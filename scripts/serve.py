"""Serve one of the project's models behind an OpenAI-compatible address: by vLLM where it is
installed, else by `transformers serve`.
"""

import argparse
import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from reset.core.errors import InputError, run_stage
from reset.tokens.chat_template import TEMPLATE_OPTIONS
from reset.tools import ask

GREEDY = {"temperature": 0.0}  # where a client says nothing, as in evaluation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a folder below models/, such as reset_31")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default="8000")
    args = parser.parse_args()
    folder = ask.model_folder(args.model)
    address = ["--host", args.host, "--port", args.port]
    # beside this Python first: the environment need not be activated
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    if vllm := shutil.which("vllm", path=programs):
        command = [vllm, "serve", str(folder), "--served-model-name", args.model, *address]
        command += ["--override-generation-config", json.dumps(GREEDY)]
        command += ["--default-chat-template-kwargs", json.dumps(TEMPLATE_OPTIONS)]
    elif find_spec("fastapi") and find_spec("uvicorn"):
        transformers = shutil.which("transformers", path=programs) or "transformers"
        command = [transformers, "serve", str(folder.resolve()), *address]
    else:
        raise InputError("no server is installed: pip install 'reset-llm[serve]', or vllm")
    print(f"http://{args.host}:{args.port}/v1: {' '.join(command)}", flush=True)
    os.execvp(command[0], command)


if __name__ == "__main__":
    run_stage(main)

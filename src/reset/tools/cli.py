"""`reset-llm`: the project's commands under one name. Each runs the script of that name in
scripts/, or DVC, in the project's folder.
"""

import os
import subprocess
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

from reset.core import params
from reset.core.errors import run_stage

COMMANDS = {
    "tune": "tune mtl and reset on the data of params.yaml and evaluate them",
    "ask": "ask a model: reset-llm ask reset_31 --passages notes.txt",
    "serve": "serve a model behind an OpenAI-compatible address",
    "show": "print the result table and write the page of this run",
    "estimate": "what a paid judge will cost",
    "compare": "two revisions side by side: reset-llm compare HEAD workspace",
    "publish": "a model to the hub (--data: a pool's rows): reset-llm publish reset_31 owner/name",
}

TUNED = ("evaluate", "benchmark", "calibrate")  # stages


def main() -> None:
    """Run the command that the first argument names; help where it names none."""
    command, *arguments = sys.argv[1:] or ["--help"]
    if command in ("-h", "--help"):
        print(usage())
        return
    if command not in COMMANDS:
        sys.exit(f"error: no command '{command}'\n{usage()}")
    if command == "tune" and {"-h", "--help"} & set(arguments):
        print(f"usage: reset-llm tune\n\nRuns dvc repro {' '.join(TUNED)}, then the report.")
        return
    if not Path("dvc.yaml").is_file() or not Path("scripts").is_dir():
        sys.exit("error: no dvc.yaml here; run reset-llm in the project's folder")
    if command == "tune":
        if arguments:
            sys.exit(f"error: tune takes no argument, got '{arguments[0]}'; params.yaml says what")
        tune()
        return
    run_script(command, arguments)


def run_script(name: str, arguments: list[str]) -> None:
    """Run scripts/<name>.py as a command of reset-llm."""
    sys.argv = [f"reset-llm {name}", *arguments]
    spec = spec_from_file_location(name, f"scripts/{name}.py")
    assert spec and spec.loader, f"scripts/{name}.py is Python"
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    run_stage(script.main)


def tune() -> None:
    """What `runs` of params.yaml asks for, then the report alone, since its other inputs may not be
    there, and the result table.
    """
    # stages run `python`: this one, also where the environment is not activated
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = os.environ | {"PATH": path}
    run_python(["stages/check_params.py"], environment)
    check_engine()
    run_python(["-m", "dvc", "repro", *TUNED], environment)
    run_python(["-m", "dvc", "repro", "--single-item", "report"], environment)
    run_script("show", [])


def run_python(words: list[str], environment: dict[str, str]) -> None:
    """Run this Python with `words`; where that fails, end with its code."""
    done = subprocess.run([sys.executable, *words], env=environment)
    if done.returncode:
        sys.exit(done.returncode)


def check_engine() -> None:
    """End with what to do where the engine that samples is not installed: that comes after the
    training of mtl. params.yaml must have passed its check.
    """
    engine = params.load_checked()["sampling"]["engine"]
    if engine == "vllm" and not find_spec("vllm"):
        sys.exit(
            "error: params.yaml: sampling.engine is vllm, which is not installed; run `python -m"
            " pip install --constraint constraints.txt --editable '.[vllm]'`, or set it to"
            " transformers"
        )


def usage() -> str:
    """The commands, a line each."""
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {purpose}" for name, purpose in COMMANDS.items()]
    return "\n".join(["usage: reset-llm COMMAND …", "", *lines])


if __name__ == "__main__":
    main()

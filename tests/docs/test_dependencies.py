"""pyproject.toml declares what the code imports, and nothing else; one set of versions fits it."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

PROJECT = tomllib.loads(Path("pyproject.toml").read_text())["project"]
# never imported by name, each with what it is for
INDIRECT = {
    "accelerate": "transformers' Trainer",
    "dvc-s3": "remotes on S3",
    "gguf": "transformers, for models of wheels",
    "protobuf": "transformers, for tokenizers of sentencepiece",
    "sentencepiece": "transformers, for older tokenizers",
}
EXTRAS = ("test", "serve", "benchmarks")
BESIDE = {"summac", "vllm", "lm_eval"}  # installed without its dependencies, and two extras


def declared(requirements: list[str]) -> set[str]:
    names = [re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements]
    return {canonical(name[0]) for name in names if name}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported() -> set[str]:
    """The distributions whose modules src, stages and scripts import, inside functions too."""
    modules = set()
    for folder in ("src", "stages", "scripts"):
        for path in Path(folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    modules.add(node.module.split(".")[0])
    homes = packages_distributions()
    outside = modules - sys.stdlib_module_names - {"reset", "scripts", "stages"} - BESIDE
    return {canonical(home) for module in outside for home in homes[module]}


def test_what_is_imported_is_declared_and_what_is_declared_is_used():
    assert declared(PROJECT["dependencies"]) == imported() | INDIRECT.keys()


def test_every_dependency_is_pinned():
    pinned = declared(Path("constraints.txt").read_text().splitlines())
    extras = [r for name in EXTRAS for r in PROJECT["optional-dependencies"][name]]
    wanted = declared([*PROJECT["dependencies"], *extras])
    assert wanted - pinned == set()


@pytest.mark.integration
def test_the_gpu_extra_can_be_installed_with_the_pinned_versions():
    command = [
        sys.executable, "-m", "pip", "install", "--dry-run", "--quiet",
        "--constraint", "constraints.txt", *PROJECT["optional-dependencies"]["vllm"],
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if "No matching distribution found for vllm" in done.stderr:
        pytest.skip("this registry has no vllm for this machine")
    assert done.returncode == 0, done.stderr[-2000:]

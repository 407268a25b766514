"""What the source says about the graph: the modules and files that each stage's script really uses."""

import ast
import re
from pathlib import Path

import yaml

SRC = Path("src")


def stages() -> dict[str, dict]:
    """The stage blocks of dvc.yaml by group name, `foreach … do` unwrapped."""
    blocks = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
    return {name: block.get("do", block) for name, block in blocks.items()}


def script(block: dict) -> Path:
    """The stage's script, from its command."""
    return Path(re.search(r"python (stages/\w+\.py)", block["cmd"]).group(1))


def imported(path: Path) -> set[Path]:
    """The files of src/reset that `path` imports anywhere in its text, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "reset":
                found |= files_of(name)
    return found


def files_of(name: str) -> set[Path]:
    """A dotted module name as its file, with the packages on the way that have code of their own."""
    parts = name.split(".")
    found = set()
    for end in range(1, len(parts) + 1):
        base = SRC.joinpath(*parts[:end])
        init = base / "__init__.py"
        if init.exists() and has_code(init):
            found.add(init)
    if base.with_suffix(".py").exists():
        found.add(base.with_suffix(".py"))
    return found


def has_code(path: Path) -> bool:
    return any(
        not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)) for n in ast.parse(path.read_text()).body
    )


def closure(path: Path) -> set[Path]:
    """All files of src/reset that `path` imports, directly or not."""
    seen: set[Path] = set()
    queue = [path]
    while queue:
        for file in imported(queue.pop()) - seen:
            seen.add(file)
            queue.append(file)
    return seen

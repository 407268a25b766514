"""What the source says about the graph: the wings of src/reset that each stage's script imports.

A wing is a folder of modules without subfolders. A module beside subfolders, such as
judges/common/verdicts.py, stands for itself. In a `deps` list a folder whose wings and modules are
all imported stands for all of them.
"""

import ast
import re
import textwrap
from functools import cache
from pathlib import Path

import yaml

SRC = Path("src")
PACKAGE = SRC / "reset"


def stages() -> dict[str, dict]:
    """The stage blocks of dvc.yaml by group name, `foreach … do` unwrapped."""
    blocks = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
    return {name: block.get("do", block) for name, block in blocks.items()}


def script(block: dict) -> Path:
    """The stage's script, from its command."""
    return Path(re.search(r"python (stages/\w+\.py)", block["cmd"]).group(1))


@cache
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
    """A dotted module name as its file, with the packages on the way that have code of their
    own.
    """
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


@cache
def has_code(path: Path) -> bool:
    """Whether a file holds more than a docstring."""
    body = ast.parse(path.read_text()).body
    return any(not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)) for n in body)


def closure(path: Path) -> set[Path]:
    """All files of src/reset that `path` imports, directly or not."""
    seen: set[Path] = set()
    queue = [path]
    while queue:
        for file in imported(queue.pop()) - seen:
            seen.add(file)
            queue.append(file)
    return seen


def unit(path: Path) -> Path:
    """What a module is listed by: its wing, or itself where its folder has subfolders."""
    return path if subfolders(path.parent) else path.parent


@cache
def subfolders(folder: Path) -> tuple[Path, ...]:
    """The folders below `folder` that hold code."""
    return tuple(sorted(p for p in folder.iterdir() if p.is_dir() and list(p.rglob("*.py"))))


@cache
def units(folder: Path) -> frozenset[Path]:
    """All wings and single modules below `folder`."""
    return frozenset(unit(path) for path in folder.rglob("*.py") if has_code(path))


def packed(wanted: set[Path], folder: Path = PACKAGE) -> list[str]:
    """The shortest `deps` list for a set of units."""
    found = []
    for unit_or_folder in sorted([*subfolders(folder), *(u for u in wanted if u.parent == folder)]):
        below = units(unit_or_folder) if unit_or_folder.is_dir() else {unit_or_folder}
        if below and below <= wanted:
            found.append(str(unit_or_folder))
        elif unit_or_folder.is_dir():
            found += packed(wanted, unit_or_folder)
    return list(dict.fromkeys(found))


def code(block: dict) -> list[str]:
    """The code in a stage's `deps` list as it ought to be: its script, then wings and modules."""
    main = script(block)
    return [str(main), *packed({unit(path) for path in closure(main)})]


def is_code(dep: str) -> bool:
    """Whether an entry of a `deps` list is code of this project."""
    return dep.startswith(("stages/", "src/"))


def rewrite() -> None:
    """Bring the code in every `deps` list of dvc.yaml up to date: `python -m tests.support.graph`,
    after an import changed.
    """
    path = Path("dvc.yaml")
    text = path.read_text()
    for name, block in stages().items():
        rest = [dep for dep in block["deps"] if not is_code(dep)]
        items = [*code(block), *(f'"{dep}"' if "${" in dep else dep for dep in rest)]
        start = text.index("deps: [", re.search(rf"^  {name}:$", text, re.M).end())
        indent = " " * (start - text.rindex("\n", 0, start) - 1)
        line = textwrap.fill(
            f"deps: [{', '.join(items)}]",
            130,
            initial_indent=indent,
            subsequent_indent=indent + "  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        text = text[: start - len(indent)] + line + text[text.index("]", start) + 1 :]
    path.write_text(text)


if __name__ == "__main__":
    rewrite()

"""What the source says about the graph: the modules and files that each stage's script really uses."""

import ast
import re
import textwrap
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


def modules(folder: Path) -> set[Path]:
    """The files of a package that have code."""
    return {path for path in folder.rglob("*.py") if has_code(path)}


def packed(files: set[Path]) -> list[str]:
    """Paths for a `deps` list: a package of which every module is there stands as one folder (a shorter dvc.lock)."""
    whole = {folder for folder in (SRC / "reset").iterdir() if modules(folder) and modules(folder) <= files}
    rest = {path for path in files if not whole & set(path.parents)}
    return sorted(map(str, rest | whole), key=lambda path: (path.count("/"), path))


def unpacked(dep: str) -> set[Path]:
    """The modules that one dependency stands for; none for data and other files."""
    path = Path(dep)
    return {path} if path.suffix == ".py" else modules(path) if SRC in path.parents else set()


def rewrite() -> None:
    """Bring the code in every `deps` list of dvc.yaml up to date: `python -m tests.graph`, after an import changed."""
    path = Path("dvc.yaml")
    text = path.read_text()
    for name, block in stages().items():
        code = packed(closure(script(block)))
        rest = [dep for dep in block["deps"] if not unpacked(dep)]
        items = [str(script(block)), *code, *(f'"{dep}"' if "${" in dep else dep for dep in rest)]
        start = text.index("deps: [", re.search(rf"^  {name}:$", text, re.M).end())
        indent = " " * (start - text.rindex("\n", 0, start) - 1)
        body = textwrap.fill(
            ", ".join(items),
            118,
            initial_indent=indent + "  ",
            subsequent_indent=indent + "  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        text = text[:start] + f"deps: [\n{body}\n{indent}]" + text[text.index("]", start) + 1 :]
    path.write_text(text)


if __name__ == "__main__":
    rewrite()

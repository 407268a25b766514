"""What no linter of ours checks of the house style."""

import ast
from collections.abc import Iterator
from pathlib import Path

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def test_no_statement_holds_two_comprehensions():
    crowded = []
    for folder in ("src", "stages", "scripts"):
        for path in sorted(Path(folder).rglob("*.py")):
            crowded += [f"{path}:{line}" for line in crowded_lines(path.read_text())]
    assert crowded == []


def test_two_comprehensions_beside_or_in_each_other_are_found():
    beside, nested = "a = [x for x in y], [x for x in y]", "b = [[z for z in x] for x in y]"
    assert crowded_lines(f"{beside}\n{nested}") == [1, 2]
    assert crowded_lines("if [x for x in y]:\n    a = [x for x in y]") == []


def crowded_lines(code: str) -> list[int]:
    lines = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.stmt):
            count = sum(isinstance(part, COMPREHENSIONS) for part in parts(node))
            lines += [node.lineno] if count > 1 else []
    return lines


def parts(node: ast.AST) -> Iterator[ast.AST]:
    """What a statement is made of, without the statements below it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt):
            yield child
            yield from parts(child)

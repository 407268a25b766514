"""dvc.yaml says what the source does: dependencies, names and parameters."""

import re
from pathlib import Path

import pytest
import yaml

from reset.core import params
from tests.support import graph

STAGES = graph.stages()
PARAMS = yaml.safe_load(Path("params.yaml").read_text())


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_every_wing_that_it_imports_and_on_no_other(name):
    listed = [dep for dep in STAGES[name]["deps"] if graph.is_code(dep)]
    assert listed == graph.code(STAGES[name])


def test_no_wing_holds_a_module_that_no_stage_imports():
    """Else its change would make stages stale for nothing."""
    used = set().union(*(graph.closure(graph.script(block)) for block in STAGES.values()))
    wings = {graph.unit(path) for path in used}
    modules = {path for path in graph.PACKAGE.rglob("*.py") if graph.has_code(path)}
    assert [path for path in modules - used if graph.unit(path) in wings] == []


def test_names_that_dvc_joins_are_slugs():
    blocks = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
    names = [*PARAMS["data"]["datasets"], *map(str, PARAMS["seeds"]), *PARAMS["sampling"]["pools"]]
    for block in blocks.values():
        for values in block.get("matrix", {}).values():
            names += [v for v in values if isinstance(values, list)]
    wrong = [name for name in names if not re.fullmatch(r"[a-z0-9_]+", name)]
    assert wrong == []


def test_no_output_persists():
    """`persist: true` would switch DVC's run cache off for its stage, and keep what an older run
    has written.
    """
    outs = [out for block in STAGES.values() for out in block.get("outs", [])]
    assert [
        out
        for out in outs
        if isinstance(out, dict) and any("persist" in how for how in out.values())
    ] == []
    assert "persist" not in Path("dvc.yaml").read_text()


def test_the_run_cache_keeps_what_is_costly():
    """DVC leaves a stage out of its run cache if one of its `outs` is in git; metrics and plots may
    be.
    """
    costly = [
        block
        for block in STAGES.values()
        if re.search(r"stages/(models|train|sample|predict|judge)", block["cmd"])
    ]
    assert (
        len(costly) > 12
        and [out for block in costly for out in block["outs"] if isinstance(out, dict)] == []
    )


def test_every_leaf_of_params_is_declared_by_some_stage():
    declared = {
        re.sub(r"\$\{[^}]*\}", "*", key)
        for block in STAGES.values()
        for key in block.get("params", [])
    }
    orphans = [
        leaf
        for leaf in leaves(PARAMS)
        if not leaf.startswith(("seeds", "runs.", "judges.probe"))
        and not any(covers(d, leaf) for d in declared)
    ]
    assert orphans == []


def test_every_declared_param_exists():
    for name, block in STAGES.items():
        for key in block.get("params", []):
            first = {
                "key": next(iter(PARAMS["data"]["datasets"])),
                "name": "base",
                "run": "reset",
                "pool": "reset",
            }
            params.declared(name, **first)
            assert key


def leaves(value, path=""):
    if isinstance(value, dict) and value:
        return [
            leaf for key in value for leaf in leaves(value[key], f"{path}.{key}" if path else key)
        ]
    return [path]


def covers(declared: str, leaf: str) -> bool:
    pattern = re.escape(declared).replace(r"\*", r"[a-z0-9_]+")
    return re.fullmatch(pattern + r"(\..+)?", leaf) is not None

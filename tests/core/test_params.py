from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from reset.core import params
from reset.core.errors import InputError

PROFILES = [Path("params.yaml"), *sorted(Path("profiles").glob("*.yaml"))]


@dataclass(frozen=True)
class Inner:
    rate: float
    names: list[str]


@dataclass(frozen=True)
class Outer:
    size: int
    mode: Literal["a", "b"]
    inner: Inner | None
    note: str | None


GOOD = {"size": 3, "mode": "a", "inner": {"rate": 1, "names": ["x"]}, "note": None}


def test_a_mapping_becomes_a_dataclass():
    assert params.build(Outer, GOOD, "outer") == Outer(3, "a", Inner(1.0, ["x"]), None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sise": 3}, "unknown key 'outer.sise'"),
        ({"size": "3"}, "'outer.size' is '3'; int is expected"),
        ({"size": True}, "'outer.size' is True"),
        ({"mode": "c"}, "'outer.mode' is 'c'; one of a, b"),
        (
            {"inner": {"rate": "2e-5", "names": []}},
            "'outer.inner.rate' is '2e-5'; float is expected .write 2.0e-5",
        ),
        ({"inner": {"rate": 1.0, "names": [1]}}, r"'outer.inner.names\[0\]' is 1"),
        ({"inner": {"rate": 1.0}}, "missing key 'outer.inner.names'"),
        ({"note": 5}, "'outer.note' is 5"),
    ],
)
def test_a_wrong_setting_is_named_with_its_dotted_key(change, message):
    with pytest.raises(InputError, match=message):
        params.build(Outer, GOOD | change, "outer")


def test_a_missing_setting_is_named():
    with pytest.raises(InputError, match="missing key 'outer.size'"):
        params.build(Outer, {k: v for k, v in GOOD.items() if k != "size"}, "outer")


def test_a_section_refuses_what_the_stage_does_not_declare():
    section = params.Section({"train": {"shared": {"x": 1}}}, "", "mtl")
    assert section.train.shared.x == 1
    with pytest.raises(InputError, match="stage 'mtl' reads 'train.reset' undeclared"):
        _ = section.train.reset


def test_a_stage_sees_exactly_its_declared_params():
    section = params.declared("stage1", seed="0")
    assert list(section) == ["train"]
    assert list(section.train) == ["shared", "stage1"]


@pytest.mark.parametrize("path", PROFILES, ids=str)
def test_every_profile_has_the_same_keys(path):
    params.check_keys(params.load(path), params.load(params.REFERENCE), str(path))


def test_an_unknown_or_missing_key_anywhere_stops_every_stage(tmp_path, monkeypatch):
    reference = params.load(params.REFERENCE)
    wrong = reference | {"ranking": {"wieghts": {}, "selection": "best"}}
    with pytest.raises(InputError, match="unknown key 'ranking.wieghts'"):
        params.check_keys(wrong, reference, "params.yaml")
    with pytest.raises(InputError, match="missing key 'seeds'"):
        params.check_keys(
            {k: v for k, v in reference.items() if k != "seeds"}, reference, "params.yaml"
        )
    wrong = reference | {"data": reference["data"] | {"datasets": {"mine": {"sauce": 1}}}}
    with pytest.raises(InputError, match="unknown key 'data.datasets.mine.sauce'"):
        params.check_keys(wrong, reference, "params.yaml")


def test_yaml_that_is_none_is_named_by_line(tmp_path):
    (tmp_path / "params.yaml").write_text("seeds: [0\ndata: 3\n")
    with pytest.raises(InputError, match=r"params\.yaml:2: not YAML"):
        params.load(tmp_path / "params.yaml")


def test_a_part_with_free_keys_may_be_empty_on_either_side():
    for given, reference in ({}, {"reset": {"rounds": 1}}), ({"reset": {"rounds": 1}}, {}):
        params.check_keys(
            *({"sampling": {"pools": pools}} for pools in (given, reference)), "params.yaml"
        )

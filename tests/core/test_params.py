import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import load_yaml

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
    built = params.build(Outer, GOOD, "outer")
    assert built == Outer(3, "a", Inner(1.0, ["x"]), None)
    assert isinstance(built.inner.rate, float)
    assert params.build(Outer, params.Section(GOOD, "outer.", "stage"), "outer") == built


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sise": 3}, "unknown key 'outer.sise'; known here: size, mode, inner, note$"),
        (
            {"inner": {"rats": 1.0, "names": []}},
            "unknown key 'outer.inner.rats'; known here: names, rate$",
        ),
        ({"size": "3"}, "'outer.size': expected an integer, got '3'$"),
        ({"size": 3.0}, "'outer.size': expected an integer, got 3.0$"),
        ({"size": True}, "'outer.size': expected an integer, got true$"),
        ({"mode": "c"}, "'outer.mode': expected 'a' or 'b', got 'c'$"),
        (
            {"inner": {"rate": "2e-5", "names": []}},
            "'outer.inner.rate': expected a number, got '2e-5'$",
        ),
        (
            {"inner": {"rate": 1.0, "names": [1]}},
            r"'outer.inner.names\[0\]': expected text, got 1$",
        ),
        ({"inner": {"rate": 1.0}}, "missing key 'outer.inner.names'"),
        ({"note": 5}, "'outer.note': expected text, got 5$"),
        ({"inner": 5}, "'outer.inner': expected a mapping, got 5$"),
        ({"inner": [2] * 99}, r"'outer.inner': expected a mapping, got \[2, 2.{50,56}\.\.\.$"),
        ({"size": None}, "'outer.size': expected an integer, got null$"),
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"seeds: [0\ndata: 3\n", r":2: not YAML"),
        (b"a: 1\nb: 2\na: 3\n", r':3: not YAML \(found duplicate key "a"'),
        (b"- 1\n", ": expected a mapping, got list"),
        (b"a: \xff\n", ": not UTF-8 at byte 4"),
        (b"a: &x [*x]\n", r": not YAML \(nested too deep\)"),
        (b"a: 2024-13-01\n", r": not YAML \(month must be in 1..12\)"),
        (b"data: {mirror: 2024-12-01}\n", ": 'data.mirror': YAML reads 2024-12-01 as a date"),
        (b"data: {datasets: {2024: 1}}\n", ": key 'data.datasets.2024': expected text"),
        (b"a: {b: [0, -.inf]}\n", r": 'a.b\[1\]': expected a finite number, got -inf"),
    ],
)
def test_what_is_no_yaml_or_holds_no_plain_values_is_named(tmp_path, text, message):
    (tmp_path / "params.yaml").write_bytes(text)
    with pytest.raises(InputError, match=rf"params\.yaml{message}") as error:
        params.load(tmp_path / "params.yaml")
    assert "\n" not in str(error.value)


NOTATIONS = (
    *(
        "2e-06",
        "2.0e-6",
        "2.E-6",
        "0.000002",
        "1e5",
        "1E+5",
        "-1.5e3",
        "+.5",
        ".5e-3",
        "5.",
        "1_0.5",
    ),
    *("0", "-0", "+7", "010", "0o10", "0x1F", "0b11", "1_000", "1:30", "1:30.5", "9" * 30),
    *("true", "False", "TRUE", "yes", "no", "on", "Off", "y", "null", "~", "Null", "", "NULL"),
    *(
        "1e",
        "e5",
        "1e5x",
        "'2e-06'",
        '"no"',
        "2024",
        "0.1.2",
        "1 e5",
        "{1e-5: 0}",
        "[no, 2e-6]",
    ),
)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_value_is_read_as_dvc_reads_it(tmp_path, notation):
    path = tmp_path / "params.yaml"
    path.write_text(f"value: {notation}\n")
    expected = load_yaml(str(path))
    if isinstance(expected["value"], dict):
        with pytest.raises(InputError, match="expected text"):
            params.load(path)
    else:
        assert repr(params.load(path)) == repr(expected)


def test_the_names_of_yaml_1_1_for_true_and_false_are_text(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("{no: off, rate: 2e-6, count: 010}")
    assert params.load(path) == {"no": "off", "rate": 0.000002, "count": 10}


def learning_rates():
    for path in PROFILES:
        for name, run in params.load(path)["train"].items():
            if name != "shared":
                yield f"train.{name}.learning_rate", run["learning_rate"]


@pytest.mark.parametrize(
    ("key", "value"),
    [*sorted(set(learning_rates())), ("judges.max_missing", 1e-5), ("ranking.dev", 0.00001)],
)
def test_a_number_that_dvc_writes_in_any_notation_comes_back(tmp_path, key, value):
    path = tmp_path / "params.yaml"
    for typed in (f"{value!r}", f"{value:.1e}", f"{value:.12f}", f"{value:E}"):
        shutil.copy(params.REFERENCE, path)
        apply_overrides(path, [f"{key}={typed}"])
        found = params.load(path)
        for part in key.split("."):
            found = found[part]
        assert found == value and isinstance(found, float)


def test_a_byte_order_mark_is_skipped(tmp_path):
    (tmp_path / "params.yaml").write_bytes(b"\xef\xbb\xbfseeds: [1]\n")
    assert params.load(tmp_path / "params.yaml") == {"seeds": [1]}


def test_a_part_with_free_keys_may_be_empty_on_either_side():
    for given, reference in ({}, {"reset": {"rounds": 1}}), ({"reset": {"rounds": 1}}, {}):
        params.check_keys(
            *({"sampling": {"pools": pools}} for pools in (given, reference)), "params.yaml"
        )

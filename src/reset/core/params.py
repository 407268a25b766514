"""What a stage may know of params.yaml: the keys that its `params:` list in dvc.yaml declares, and
no others.
"""

import dataclasses
import math
import re
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML, YAMLError

from reset.core.errors import InputError

T = TypeVar("T")
REFERENCE = Path(
    "profiles/paper.yaml"
)  # holds every key; the other profiles and params.yaml have the same
FREE = (
    "data.datasets",
    "sampling.pools",
    "judges.instruction.openai.pool_models",
)  # the user chooses the keys


class Section(Mapping[str, Any]):
    """A mapping of parameters; reading a key that the stage does not declare is an error that names
    it.
    """

    def __init__(self, values: Mapping[str, Any], path: str, stage: str):
        self._values, self._path, self._stage = values, path, stage

    def __getitem__(self, key: str) -> Any:
        if key not in self._values:
            raise InputError(
                f"dvc.yaml: stage '{self._stage}' reads '{self._path}{key}' undeclared in its"
                " params"
            )
        value = self._values[key]
        return (
            Section(value, f"{self._path}{key}.", self._stage) if isinstance(value, dict) else value
        )

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return self[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def declared(stage: str, **item: str) -> Section:
    """The part of params.yaml that `stage` declares, with `${item…}` and `${key}` of its matrix
    replaced.

    `item` holds the matrix values (`seed="0"`, `run="mtl"`), or `key="nq"` for a foreach over a
    mapping. The whole file is checked first: a key that profiles/paper.yaml lacks, or has and this
    file lacks, is an InputError.
    """
    everything = load("params.yaml")
    check_keys(everything, load(REFERENCE), "params.yaml")
    block = load("dvc.yaml")["stages"][stage]
    keys = [_fill(key, item) for key in block.get("do", block).get("params", [])]
    picked: dict[str, Any] = {}
    for key in keys:
        _put(picked, key, _get(everything, key))
    return Section(picked, "", stage)


def load(path: str | Path) -> dict[str, Any]:
    """A YAML 1.2 mapping of JSON values with text keys, read as DVC reads it: by ruamel.yaml.

    So 2e-06 is a number, `no` is text and 010 is ten. A byte order mark is skipped. InputError with
    file and line, or with the key, for anything else: a date, a number as a key, .nan, two equal
    keys.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        value = YAML(typ="safe").load(text)
        _check_plain(value, str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start + 1}") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = str(getattr(error, "problem", error)).splitlines()[0]
        raise InputError(f"{path}:{line}: not YAML ({problem})") from None
    except ValueError as error:  # 2024-13-01, 0x_
        raise InputError(f"{path}: not YAML ({error})") from None
    except RecursionError:
        raise InputError(f"{path}: not YAML (nested too deep)") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a mapping, got {type(value).__name__}")
    return value


def _check_plain(value: Any, where: str, path: str = "") -> None:
    """Refuse what JSON cannot hold: YAML has dates, sets, .nan and keys of any type."""
    if isinstance(value, dict):
        for key, below in value.items():
            dotted = f"{path}.{key}" if path else str(key)
            if not isinstance(key, str):
                raise InputError(f"{where}: key '{dotted}': expected text; write '{key}' in quotes")
            _check_plain(below, where, dotted)
    elif isinstance(value, list):
        for index, below in enumerate(value):
            _check_plain(below, where, f"{path}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{where}: '{path}': expected a finite number, got {value}")
    elif not isinstance(value, str | int | float | None):
        raise InputError(
            f"{where}: '{path}': YAML reads {value} as a {type(value).__name__}; for text, write it"
            " in quotes"
        )


def check_keys(given: Any, reference: Any, where: str, path: str = "") -> None:
    """Raise InputError for the first key that only one side has. A null on either side stands for a
    part not in use.
    """
    if not (isinstance(given, dict) and isinstance(reference, dict)):
        return
    if path in FREE:
        example = next(iter(reference.values()), None)
        for key in given:
            check_keys(given[key], example, where, f"{path}.{key}")
        return
    dotted = {key: f"{path}.{key}" if path else key for key in {*given, *reference}}
    for key in given:
        if key not in reference:
            raise InputError(
                f"{where}: unknown key '{dotted[key]}'; known here:"
                f" {', '.join(map(str, reference))}"
            )
    for key in reference:
        if key not in given:
            raise InputError(f"{where}: missing key '{dotted[key]}' (see {REFERENCE})")
    for key in reference:
        check_keys(given[key], reference[key], where, dotted[key])


def build(cls: type[T], section: Mapping[str, Any], where: str) -> T:
    """A frozen dataclass from a mapping: every field present, none unknown, each of its annotated
    type.

    An int serves as a float. Nested dataclasses are built from nested mappings. `where` is the
    dotted name of the mapping, for messages.
    """
    fields = typing.get_type_hints(cls)
    for key in section:
        if key not in fields:
            raise InputError(
                f"params.yaml: unknown key '{where}.{key}'; known here: {', '.join(fields)}"
            )
    for key in fields:
        if key not in section:
            raise InputError(f"params.yaml: missing key '{where}.{key}'")
    return cls(**{key: _cast(kind, section[key], f"{where}.{key}") for key, kind in fields.items()})


def _cast(kind: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in args:
            return None
        options = [arg for arg in args if arg is not type(None)]
        if len(options) == 1:
            return _cast(options[0], value, where)
        kind = tuple(options)
    elif dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
        return build(kind, value, where)  # type: ignore[arg-type]
    elif origin is list and isinstance(value, list):
        return [_cast(args[0], entry, f"{where}[{i}]") for i, entry in enumerate(value)]
    elif origin is dict and isinstance(value, Mapping):
        return {key: _cast(args[1], value[key], f"{where}.{key}") for key in value}
    elif origin is typing.Literal:
        if value in args:
            return value
        raise InputError(
            f"params.yaml: '{where}' is {value!r}; one of {', '.join(map(str, args))} is expected"
        )
    elif kind is Any:
        return value
    elif kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    elif (
        isinstance(kind, type)
        and isinstance(value, kind)
        and not (kind is int and isinstance(value, bool))
    ):
        return value
    if isinstance(kind, tuple) and isinstance(value, kind):
        return value
    raise InputError(
        f"params.yaml: '{where}' is {value!r}; {getattr(kind, '__name__', kind)} is expected"
    )


def _fill(text: str, item: Mapping[str, str]) -> str:
    def replace(match: re.Match[str]) -> str:
        name = match.group(1).removeprefix("item.")
        if name not in item:
            raise InputError(f"dvc.yaml: '{text}' needs a value for '{name}'")
        return str(item[name])

    return re.sub(r"\$\{([\w.]+)\}", replace, text)


def _get(values: Any, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(values, dict) or part not in values:
            raise InputError(f"params.yaml: missing key '{key}'")
        values = values[part]
    return values


def _put(target: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for part in parents:
        target = target.setdefault(part, {})
    if isinstance(value, dict) and isinstance(target.get(last), dict):
        target[last].update(value)
    else:
        target[last] = value

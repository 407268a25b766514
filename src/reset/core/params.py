"""What a stage may know of params.yaml: the keys that its `params:` list in dvc.yaml declares, and
no others.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from annotated_types import Ge, Gt, Interval
from ruamel.yaml import YAML, YAMLError

from reset.core.errors import InputError

if TYPE_CHECKING:
    from pydantic import ConfigDict

T = TypeVar("T")
# numbers in ranges, which `build` checks and params.schema.json tells editors
Natural = Annotated[int, Ge(0)]
Count = Annotated[int, Ge(1)]
NonNegative = Annotated[float, Ge(0)]
Positive = Annotated[float, Gt(0)]
Share = Annotated[float, Interval(ge=0, le=1)]
Part = Annotated[float, Interval(ge=0, lt=1)]  # a share that is not all
REFERENCE = Path("profiles/paper.yaml")  # has every key, as have all profiles and params.yaml
FREE = (  # the user chooses the keys
    "data.datasets",
    "sampling.pools",
    "judges.instruction.openai.pool_models",
)
OPTIONAL = re.compile(r"data\.datasets\.[^.]+\.retrieval")  # keys that may be left out
NAME = re.compile("[a-z0-9_]+")  # of data sets and pools
SEEDS = 2**32  # the first number that is too large for a seed
RULES: "ConfigDict" = {"strict": True, "extra": "forbid", "allow_inf_nan": False}
EXPECTED = {  # pydantic's types of error -> what is right
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "dataclass_type": "a mapping",
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "above {gt:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "below {lt:g}",
    "too_short": "a list of at least {min_length}",
    "string_pattern_mismatch": "a name of a-z, 0-9 and _",
}


class Section(Mapping[str, Any]):
    """A mapping of parameters; reading a key that the stage does not declare is an error that names
    it.
    """

    def __init__(self, values: Mapping[str, Any], path: str, stage: str):
        self._values, self._path, self._stage = values, path, stage

    def __getitem__(self, key: str) -> Any:
        path = f"{self._path}{key}"
        if key not in self._values:
            raise InputError(
                f"dvc.yaml: stage '{self._stage}' reads '{path}' undeclared in its params"
            )
        value = self._values[key]
        if isinstance(value, dict):
            return Section(value, f"{path}.", self._stage)
        return value

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
    mapping. The whole file is checked first (see `load_checked`).
    """
    everything = load_checked()
    block = load("dvc.yaml")["stages"][stage]
    picked: dict[str, Any] = {}
    for template in block.get("do", block).get("params", []):
        key = _filled(template, item)
        _put(picked, key, _get(everything, key))
    return Section(picked, "", stage)


def load_checked() -> dict[str, Any]:
    """All of params.yaml; InputError where its keys are not those of REFERENCE, or for a name that
    `check_names` refuses.
    """
    everything = load("params.yaml")
    check_keys(everything, load(REFERENCE), "params.yaml")
    check_names(everything)
    return everything


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
    start = f"{path}." if path else ""
    for key in given:
        if key not in reference and not OPTIONAL.fullmatch(f"{start}{key}"):
            known = ", ".join(reference)
            raise InputError(f"{where}: unknown key '{start}{key}'; known here: {known}")
    for key in reference:
        if key not in given:
            raise InputError(f"{where}: missing key '{start}{key}' (see {REFERENCE})")
    for key in reference:
        check_keys(given[key], reference[key], where, f"{start}{key}")


def check_names(given: Mapping[str, Any]) -> None:
    """Raise InputError for a seed, data set or pool that cannot be part of a file's name, or that a
    shell would read as more than a word: DVC writes them into the stages' commands.
    """
    for section, key in (("data", "datasets"), ("sampling", "pools")):
        part = given.get(section)
        names = part.get(key) if isinstance(part, Mapping) else None
        for name in names if isinstance(names, Mapping) else []:
            if not NAME.fullmatch(name):
                raise InputError(
                    f"params.yaml: '{section}.{key}.{name}': expected a name of a-z, 0-9 and _"
                )
    seeds = given.get("seeds", [0])
    if not isinstance(seeds, list) or not seeds:
        raise InputError(f"params.yaml: 'seeds': expected a list such as [31], got {_shown(seeds)}")
    for place, seed in enumerate(seeds):
        if type(seed) is not int or not 0 <= seed < SEEDS:
            raise InputError(
                f"params.yaml: 'seeds[{place}]': expected an integer in [0, {SEEDS}), got"
                f" {_shown(seed)}"
            )
        if seed in seeds[:place]:
            raise InputError(f"params.yaml: 'seeds[{place}]': {seed} is given twice")


def build(cls: type[T], section: Mapping[str, Any], where: str) -> T:
    """A dataclass from a mapping: every field present, none unknown, each of its annotated type and
    in its range.

    An int serves as a float, and no other type as another. Nested dataclasses are built from nested
    mappings. `where` is the dotted name of the mapping ("" for the whole file), for the InputError
    that names the first key at fault.
    """
    from pydantic import TypeAdapter, ValidationError  # 0.06 s that not every stage needs

    # a plain dataclass takes the rules of what holds it; as JSON, since strict rules accept only
    # an instance of it among Python's objects
    text = json.dumps({where: section}, default=dict)
    checked = TypeAdapter(dict[str, cls], config=RULES)  # type: ignore[valid-type]
    try:
        return checked.validate_json(text)[where]
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise InputError(f"params.yaml: {_first_fault(faults, json.loads(text))}") from None


def _first_fault(faults: list[Any], given: Any) -> str:
    """One line of pydantic's errors; of the two that a misspelt key gives, the better."""
    for fault in faults:
        if fault["type"] == "unexpected_keyword_argument":
            known = ", ".join(_known_keys(faults, given, fault["loc"][:-1]))
            return f"unknown key '{_dotted(fault['loc'])}'; known here: {known}"
    first = faults[0]
    if first["type"] == "missing":
        return f"missing key '{_dotted(first['loc'])}'"
    place = _place(first["loc"], given)
    right = [_right(fault) for fault in faults if _place(fault["loc"], given) == place]
    return f"'{_dotted(place)}': expected {' or '.join(right)}, got {_shown(first['input'])}"


def _place(loc: tuple[str | int, ...], given: Any) -> tuple[str | int, ...]:
    """The keys and indices of a fault, without what pydantic adds: the type that was tried, where
    several are allowed.
    """
    below: Any = given
    for depth, part in enumerate(loc):
        entries = dict(enumerate(below)) if isinstance(below, list) else below
        if not isinstance(entries, dict) or part not in entries:
            return loc[:depth]
        below = entries[part]
    return loc


def _right(fault: Any) -> str:
    """What would have been right at a fault."""
    if fault["type"] in EXPECTED:
        return EXPECTED[fault["type"]].format(**fault.get("ctx", {}))
    return fault["msg"].removeprefix("Input should be ")


def _known_keys(faults: list[Any], given: Any, parents: tuple[str | int, ...]) -> list[str]:
    """The fields at `parents`: of the keys given there those not at fault, and the missing ones."""
    for part in parents:
        given = given[part]
    types = {f["loc"][-1]: f["type"] for f in faults if f["loc"][:-1] == parents}
    missing = [key for key in types if types[key] == "missing"]
    return [key for key in given if types.get(key) != "unexpected_keyword_argument"] + missing


def _dotted(loc: tuple[str | int, ...]) -> str:
    """("train", "names", 0) as train.names[0]."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.strip(".")


def _shown(value: Any) -> str:
    """A value for a message, as YAML writes it where Python has another word, and not too long."""
    words = {True: "true", False: "false", None: "null"}
    if value is None or isinstance(value, bool):
        return words[value]
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _filled(template: str, item: Mapping[str, str]) -> str:
    """`template` with each ${item.name} and ${name} replaced."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(1).removeprefix("item.")
        if name not in item:
            raise InputError(f"dvc.yaml: '{template}' needs a value for '{name}'")
        return str(item[name])

    return re.sub(r"\$\{([\w.]+)\}", replace, template)


def _get(values: Any, key: str) -> Any:
    """The value at a dotted key."""
    for part in key.split("."):
        if not isinstance(values, dict) or part not in values:
            raise InputError(f"params.yaml: missing key '{key}'")
        values = values[part]
    return values


def _put(target: dict[str, Any], key: str, value: Any) -> None:
    """Set the value at a dotted key; a mapping is merged with what is there."""
    *parents, last = key.split(".")
    for part in parents:
        target = target.setdefault(part, {})
    if isinstance(value, dict) and isinstance(target.get(last), dict):
        target[last].update(value)
    else:
        target[last] = value

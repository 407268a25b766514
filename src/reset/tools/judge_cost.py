"""What the LLM judge will cost over the whole pipeline, also where its generations do not exist
yet.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reset.core import io, tasks
from reset.core.errors import InputError
from reset.judges import verdicts
from reset.judges.instruction import backends, cost
from reset.judges.instruction.cost import Estimate
from reset.judges.instruction.reply_store import Store
from reset.judges.instruction.settings import PROMPTS, Backend, OpenAISettings
from reset.judges.verdicts import Generations

SCRIPT = "stages/judge_instruction.py"
UNKNOWN_BYTES = 1500  # our assumption for a request and its answer that do not exist yet


def items(graph: Mapping[str, Any], everything: Mapping[str, Any]) -> Iterator[Generations]:
    """Every item of the stages in a parsed dvc.yaml that run the instruction judge; params fill
    `${…}` in a matrix.
    """
    for stage in graph["stages"].values():
        command = str(stage.get("cmd", ""))
        if SCRIPT not in command:
            continue
        matrix = {key: _values(value, everything) for key, value in stage["matrix"].items()}
        for combination in itertools.product(*matrix.values()):
            filled = command
            for key, value in zip(matrix, combination, strict=True):
                filled = filled.replace(f"${{item.{key}}}", str(value))
            kind, name = filled.split(SCRIPT)[1].split()[:2]
            yield Generations(kind, name)


def _values(value: Any, everything: Mapping[str, Any]) -> list[Any]:
    reference = re.fullmatch(r"\$\{([\w.]+)\}", value) if isinstance(value, str) else None
    if reference is None:
        return list(value)
    found: Any = everything
    for part in reference.group(1).split("."):
        found = found[part]
    return list(found)


def estimate_cost(
    item: Generations,
    backend: Backend,
    settings: OpenAISettings,
    everything: Mapping[str, Any],
    store: Store,
) -> tuple[Estimate, bool]:
    """The estimate for one item of a back end of llm.PROMPTS, and whether its generations are there
    (else their number comes from the params).

    Texts that two items share are counted in both, so the sum over items is an upper bound.
    """
    settings = settings.judging(item.kind, item.run)
    if item.path.exists():
        pairs = verdicts.paired(item, tasks.INSTRUCTION_TASKS)
        return (
            cost.estimate(dict.fromkeys(backends.judge_prompts(pairs, backend)), settings, store),
            True,
        )
    texts = _samples(item.run, everything) if item.kind == "samples" else _predictions(everything)
    calls = texts * settings.repeats
    template = len(Path(PROMPTS[backend]).read_bytes())
    return (
        cost.forecast(texts, 0, calls, calls * (template + UNKNOWN_BYTES), settings, store),
        False,
    )


def _samples(pool: str, everything: Mapping[str, Any]) -> int:
    sampling = everything["sampling"]
    prompts = sampling["pools"][pool]["prompts_per_dataset"]
    if prompts is None:
        mix = Path("data/mixes/mtl/train.jsonl")
        if not mix.exists():
            raise InputError(
                f"sampling.pools.{pool} takes all prompts: run `dvc repro mix` to know how many"
                " they are"
            )
        prompts = sum(row["task"] in tasks.INSTRUCTION_TASKS for row in io.stream(mix))
    grid = max(len(sampling["temperatures"]), len(sampling["top_k"]))
    return prompts * (
        sampling["pools"][pool]["rounds"] * grid + sampling["pools"][pool]["reference"]
    )


def _predictions(everything: Mapping[str, Any]) -> int:
    rows = Path("data/evaluation.jsonl")
    if not rows.exists():
        raise InputError(
            "the evaluation set is not there: run `dvc repro evaluation_set` to know what there is to"
            " judge"
        )
    return sum(row["task"] in tasks.INSTRUCTION_TASKS for row in io.stream(rows))

"""What the LLM judge will cost over the whole pipeline, also where its generations do not exist
yet.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reset.core import io, tasks
from reset.core.errors import InputError
from reset.data.datasets import registry
from reset.data.sources.dataset_config import chosen
from reset.judges.common import verdicts
from reset.judges.common.verdicts import Generations
from reset.judges.instruction import backends, cost, llm, pending
from reset.judges.instruction.cost import Estimate
from reset.judges.instruction.reply_store import Store
from reset.judges.instruction.settings import InstructionSettings, OpenAISettings

UNKNOWN_BYTES = 1500  # our assumption for a request and its answer that do not exist yet


def estimate_cost(
    item: Generations,
    judges: InstructionSettings,
    everything: Mapping[str, Any],
    lock: Mapping[str, Any],
    store: Store,
) -> tuple[Estimate, bool]:
    """The estimate for one item that the endpoint judges, and whether its generations are there
    and of these params by a parsed dvc.lock (else their number comes from the params).

    Texts that two items share are counted in both, so the sum over items is an upper bound.
    """
    assert judges.openai, "InstructionSettings sees to it"
    settings = judges.openai.judging(item.kind, item.run)
    if pending.is_current(item.path, lock, everything):
        pairs = verdicts.paired(item, tasks.INSTRUCTION_TASKS)
        prompts = backends.judge_prompts(pairs, judges.prompt)
        return cost.estimate(dict.fromkeys(prompts), settings, store), True
    if item.kind == "samples":
        texts = sample_texts(item.run, everything, lock)
    else:
        texts = evaluation_texts(everything, lock)
    return estimate_texts(texts, settings, judges.prompt, store), False


def estimate_texts(texts: int, settings: OpenAISettings, template: str, store: Store) -> Estimate:
    """The estimate for so many texts that do not exist yet; `template` is the prompt's file."""
    calls = texts * settings.repeats
    size = calls * (len(llm.read_template(template).encode()) + UNKNOWN_BYTES)
    return cost.forecast(texts, 0, calls, size, settings, store)


def sample_texts(pool: str, everything: Mapping[str, Any], lock: Mapping[str, Any]) -> int:
    """How many samples of instruction prompts a pool has by the params; InputError where these take
    all prompts and the mix is not there.
    """
    sampling = everything["sampling"]
    prompts = sampling["pools"][pool]["prompts_per_dataset"]
    if prompts is None:
        prompts = _instruction_rows(Path("data/mixes/mtl/train.jsonl"), everything, lock)
    if prompts is None:
        raise InputError(
            f"sampling.pools.{pool} takes all prompts: run `dvc repro mix` to know how many they"
            " are"
        )
    grid = max(len(sampling["temperatures"]), len(sampling["top_k"]))
    return prompts * (
        sampling["pools"][pool]["rounds"] * grid + sampling["pools"][pool]["reference"]
    )


def evaluation_texts(everything: Mapping[str, Any], lock: Mapping[str, Any]) -> int:
    """How many requests a run answers in evaluation: those of the evaluation set, or, where it is
    not there, at most as many as the params keep. InputError where they keep all of a set.
    """
    rows = _instruction_rows(Path("data/evaluation.jsonl"), everything, lock)
    if rows is not None:
        return rows
    most = 0
    for name, section in everything["data"]["datasets"].items():
        settings = chosen(name, section)
        if registry.task(name, settings.source) not in tasks.INSTRUCTION_TASKS:
            continue
        if settings.eval is None:
            raise InputError(
                f"data.datasets.{name}.eval takes all rows: run `dvc repro evaluation_set` to know"
                " how many they are"
            )
        most += settings.eval
    return most


def _instruction_rows(
    path: Path, everything: Mapping[str, Any], lock: Mapping[str, Any]
) -> int | None:
    """How many requests a file has; None where it is not there, or not of these params."""
    if not pending.is_current(path, lock, everything):
        return None
    return sum(row["task"] in tasks.INSTRUCTION_TASKS for row in io.stream(path))

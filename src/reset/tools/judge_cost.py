"""What the LLM judge will cost over the whole pipeline, also where its generations do not exist
yet.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reset.core import io, tasks
from reset.core.errors import InputError
from reset.judges.common import verdicts
from reset.judges.common.verdicts import Generations
from reset.judges.instruction import backends, cost, llm
from reset.judges.instruction.cost import Estimate
from reset.judges.instruction.reply_store import Store
from reset.judges.instruction.settings import InstructionSettings, OpenAISettings

UNKNOWN_BYTES = 1500  # our assumption for a request and its answer that do not exist yet


def estimate_cost(
    item: Generations,
    judges: InstructionSettings,
    everything: Mapping[str, Any],
    store: Store,
) -> tuple[Estimate, bool]:
    """The estimate for one item that the endpoint judges, and whether its generations
    are there (else their number comes from the params).

    Texts that two items share are counted in both, so the sum over items is an upper bound.
    """
    assert judges.openai, "InstructionSettings sees to it"
    settings = judges.openai.judging(item.kind, item.run)
    if item.path.exists():
        pairs = verdicts.paired(item, tasks.INSTRUCTION_TASKS)
        prompts = backends.judge_prompts(pairs, judges.prompt)
        return cost.estimate(dict.fromkeys(prompts), settings, store), True
    if item.kind == "samples":
        texts = sample_texts(item.run, everything)
    else:
        texts = _evaluation_texts()
    return estimate_texts(texts, settings, judges.prompt, store), False


def estimate_texts(texts: int, settings: OpenAISettings, template: str, store: Store) -> Estimate:
    """The estimate for so many texts that do not exist yet; `template` is the prompt's file."""
    calls = texts * settings.repeats
    size = calls * (len(llm.read_template(template).encode()) + UNKNOWN_BYTES)
    return cost.forecast(texts, 0, calls, size, settings, store)


def sample_texts(pool: str, everything: Mapping[str, Any]) -> int:
    """How many samples of instruction prompts a pool has by the params."""
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


def _evaluation_texts() -> int:
    rows = Path("data/evaluation.jsonl")
    if not rows.exists():
        raise InputError(
            "the evaluation set is not there: run `dvc repro evaluation_set` to know what there is"
            " to judge"
        )
    return sum(row["task"] in tasks.INSTRUCTION_TASKS for row in io.stream(rows))

"""Task performance of answers to context-dependent prompts, by their references."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from reset.core.errors import InputError
from reset.core.io import Row
from reset.judges.common.verdicts import Pair
from reset.judges.task.exact_match import exact_match
from reset.text.constraints import share_met
from reset.text.overlap import recall
from reset.text.rouge import rouge_l

MEASURES: dict[str, Callable[[str, tuple[str, ...]], float]] = {
    "exact_match": exact_match,
    "rouge_l": rouge_l,
    "recall": recall,
}
Measure = Literal["exact_match", "rouge_l", "recall"]


@dataclass(frozen=True)
class TaskSettings:
    """`judges.task`: the measure of extractive answers, and that of abstractive answers and
    summaries.
    """

    extractive: Measure
    abstractive: Measure


def judge_task(pairs: Iterable[Pair], settings: TaskSettings) -> list[Row]:
    """One verdict a generation, the best over all its references, from 0 to 1; InputError for a row
    without any.

    Extra column `recall`: share of the reference's tokens in the answer, which forgives a correct
    answer its length. Where the prompt has constraints also `constraints`: the share met, 0 to 1.
    """
    return [_verdict(prompt, generation, settings) for prompt, generation in pairs]


def _verdict(prompt: Row, generation: Row, settings: TaskSettings) -> Row:
    answer, references = generation["text"], tuple(prompt["references"])
    if not references:
        raise InputError(
            f"{prompt['id']}: no reference to compare with; the column 'references' needs at"
            " least one"
        )
    metric = settings.extractive if prompt["task"] == "extractive_qa" else settings.abstractive
    verdict = {
        "id": generation["id"],
        "sample": generation["sample"],
        "metric": metric,
        "score": round(MEASURES[metric](answer, references), 6),
        "recall": round(recall(answer, references), 6),
    }
    if prompt.get("constraints"):
        verdict["constraints"] = share_met(prompt["constraints"], answer, prompt["context"])
    return verdict

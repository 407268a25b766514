"""Faithfulness of answers to their context: each measure by the name that the params give it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reset.judges import coverage, nli, summac_package, summac_zs
from reset.judges.generations import Pair
from reset.judges.span import span_coverage
from reset.records import Row

Measure = Literal["span", "k_precision", "summac_zs", "summac_package"]
Verdict = tuple[float | None, str | None]


@dataclass(frozen=True)
class Settings:
    """`judges.faithfulness`: the measure of extractive answers, that of abstractive ones and summaries, and SummaC's.

    `use_contradiction` subtracts the highest contradiction (scores then lie in [−1, 1]); `precision`, `batch_tokens`
    and `devices` are those of `reset.judges.nli.Nli`.
    """

    extractive: Measure
    abstractive: Measure
    use_contradiction: bool
    precision: Literal["fp32", "bf16"]
    batch_tokens: int
    devices: str

    @property
    def lowest(self) -> float:
        """The lowest score that may come."""
        return -1.0 if self.use_contradiction else 0.0


def judge(pairs: Sequence[Pair], settings: Settings, nli_folder: Path, progress: bool = False) -> list[Row]:
    """One verdict a generation, in order: metric, score (1 is best), reason, and how much wording the context holds.

    A repeated answer to one prompt is judged once. The NLI model is loaded only if a measure needs it.
    """
    asked = {_key(pair): pair for pair in pairs}
    found: dict[tuple[str, str], Verdict] = {}
    for measure in ("span", "k_precision", "summac_zs", "summac_package"):
        mine = {key: pair for key, pair in asked.items() if _measure(pair, settings) == measure}
        if mine:
            verdicts = _score(measure, list(mine.values()), settings, nli_folder, progress)
            found.update(zip(mine, verdicts, strict=True))
    return [_row(pair, _measure(pair, settings), *found[_key(pair)]) for pair in pairs]


def _key(pair: Pair) -> tuple[str, str]:
    prompt, generation = pair
    return prompt["id"], generation["text"]


def _measure(pair: Pair, settings: Settings) -> Measure:
    return settings.extractive if pair[0]["task"] == "extractive_qa" else settings.abstractive


def _row(pair: Pair, measure: Measure, score: float | None, reason: str | None) -> Row:
    prompt, generation = pair
    return {
        "id": generation["id"],
        "sample": generation["sample"],
        "metric": measure,
        "score": None if score is None else round(score, 6),
        "reason": reason,
        **coverage.columns(generation["text"], prompt["context"]),
    }


def _score(measure: str, pairs: Sequence[Pair], settings: Settings, nli_folder: Path, progress: bool) -> list[Verdict]:
    if measure == "span":
        return [_of_wording(span_coverage(g["text"], p["context"]), g["text"]) for p, g in pairs]
    if measure == "k_precision":
        return [_of_wording(coverage.k_precision(g["text"], p["context"]), g["text"]) for p, g in pairs]
    if measure == "summac_zs":
        return _summac_zs(pairs, settings, nli_folder, progress)
    return _summac_package(pairs, settings, nli_folder)


def _of_wording(score: float, answer: str) -> Verdict:
    return score, None if answer.strip() else summac_zs.EMPTY_ANSWER


def _image(pair: Pair, options: summac_zs.Options) -> summac_zs.Image:
    prompt, generation = pair
    return summac_zs.image(prompt["question"] or "", prompt["context"], generation["text"], options)


def _summac_zs(pairs: Sequence[Pair], settings: Settings, nli_folder: Path, progress: bool) -> list[Verdict]:
    options = summac_zs.Options(use_contradiction=settings.use_contradiction)
    images = [_image(pair, options) for pair in pairs]
    model = nli.Nli(nli_folder, settings.precision, settings.devices)
    sentence_pairs = {sentence_pair for image in images for sentence_pair in image.pairs()}
    judged = model.score(sentence_pairs, settings.batch_tokens, progress)
    return [summac_zs.score(image, judged, options) for image in images]


def _summac_package(pairs: Sequence[Pair], settings: Settings, nli_folder: Path) -> list[Verdict]:
    images = [_image(pair, summac_zs.DEFAULT) for pair in pairs]
    device = nli.find_devices(settings.devices, settings.precision)[0]
    scorer = summac_package.load(nli_folder, settings.use_contradiction, device)
    return [(score, None) for score in summac_package.score(scorer, images)]

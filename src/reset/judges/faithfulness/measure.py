"""Faithfulness of answers to their context: each measure by the name that the params give it."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from reset.core.errors import InputError
from reset.core.io import Row
from reset.core.params import Count
from reset.judges.common.scoring_model import find_devices
from reset.judges.common.verdicts import Pair
from reset.judges.faithfulness import detectors, nli, summac_package, summac_zs
from reset.judges.faithfulness.span import span_coverage
from reset.text import overlap
from reset.text.words import share_outside_latin

Measure = Literal[
    "span", "k_precision", "summac_zs", "summac_package", "minicheck", "lettucedetect"
]
MOST_OTHER_SCRIPTS = 0.5  # share of an answer's letters above which SummaC is doubtful
Verdict = tuple[float | None, str | None]


@dataclass(frozen=True)
class FaithfulnessSettings:
    """`judges.faithfulness`: the measure of extractive answers, that of abstractive ones and
    summaries, and SummaC's.

    `use_contradiction` subtracts the highest contradiction (scores then lie in [−1, 1]);
    `precision`, `batch_tokens` and `devices` are those of `reset.judges.faithfulness.nli.Nli`. The
    summac package computes in fp32, in batches of its own, on one device: InputError for another
    precision, and for several devices as soon as it is to judge.
    """

    extractive: Measure
    abstractive: Measure
    use_contradiction: bool
    precision: Literal["fp32", "bf16"]
    batch_tokens: Count
    devices: str

    def __post_init__(self) -> None:
        if "summac_package" in (self.extractive, self.abstractive) and self.precision != "fp32":
            raise InputError(
                f"judges.faithfulness.precision is {self.precision}, but summac_package computes in"
                " fp32: set that"
            )

    @property
    def lowest(self) -> float:
        """The lowest score that may come."""
        return -1.0 if self.use_contradiction else 0.0


def judge_faithfulness(
    pairs: Sequence[Pair], settings: FaithfulnessSettings, nli_folder: Path, progress: bool = False
) -> list[Row]:
    """One verdict a generation, in order: metric, score (1 is best), reason, and how much wording
    the context holds.

    A repeated answer to one prompt is judged once. The NLI model in `nli_folder`, or the detector
    in the folder `detector` beside it, is loaded only if a measure needs it.
    """
    asked = {_key(pair): pair for pair in pairs}
    found: dict[tuple[str, str], Verdict] = {}
    for measure in get_args(Measure):
        mine = {key: pair for key, pair in asked.items() if _measure(pair, settings) == measure}
        if mine:
            verdicts = _score(measure, list(mine.values()), settings, nli_folder, progress)
            found.update(zip(mine, verdicts, strict=True))
    return [_row(pair, _measure(pair, settings), *found[_key(pair)]) for pair in pairs]


def _key(pair: Pair) -> tuple[str, str]:
    prompt, generation = pair
    return prompt["id"], generation["text"]


def _measure(pair: Pair, settings: FaithfulnessSettings) -> Measure:
    return settings.extractive if pair[0]["task"] == "extractive_qa" else settings.abstractive


def _row(pair: Pair, measure: Measure, score: float | None, reason: str | None) -> Row:
    prompt, generation = pair
    return {
        "id": generation["id"],
        "sample": generation["sample"],
        "metric": measure,
        "score": None if score is None else round(score, 6),
        "reason": reason,
        **overlap.columns(generation["text"], prompt["context"]),
    }


def _score(
    measure: str,
    pairs: Sequence[Pair],
    settings: FaithfulnessSettings,
    nli_folder: Path,
    progress: bool,
) -> list[Verdict]:
    if measure == "span":
        return [_of_wording(span_coverage, pair) for pair in pairs]
    if measure == "k_precision":
        return [_of_wording(overlap.k_precision, pair) for pair in pairs]
    if measure == "summac_zs":
        return _summac_zs(pairs, settings, nli_folder, progress)
    if measure == "summac_package":
        return _summac_package(pairs, settings, nli_folder)
    return _detector(measure, pairs, settings, nli_folder.with_name("detector"), progress)


def _of_wording(measure: Callable[[str, Sequence[str]], float], pair: Pair) -> Verdict:
    answer, context = pair[1]["text"], pair[0]["context"]
    if not answer.strip():
        return 0.0, summac_zs.EMPTY_ANSWER
    if not any(passage.strip() for passage in context):
        return None, summac_zs.EMPTY_CONTEXT
    return measure(answer, context), None


def _image(pair: Pair, options: summac_zs.SummacOptions) -> summac_zs.SentencePairs:
    prompt, generation = pair
    return summac_zs.image(prompt["question"] or "", prompt["context"], generation["text"], options)


def _summac_zs(
    pairs: Sequence[Pair], settings: FaithfulnessSettings, nli_folder: Path, progress: bool
) -> list[Verdict]:
    _warn_of_other_scripts(pairs)
    model = nli.Nli(nli_folder, settings.precision, settings.devices)
    options = summac_zs.SummacOptions(use_contradiction=settings.use_contradiction)
    images = [_image(pair, options) for pair in pairs]
    sentence_pairs = {sentence_pair for image in images for sentence_pair in image.pairs()}
    judged = model.score(sentence_pairs, settings.batch_tokens, progress)
    if model.pairs_cut:
        print(
            f"warning: {model.pairs_cut:,} of {len(sentence_pairs):,} pairs of sentences were cut"
            f" to the {model.longest} tokens that the NLI model reads",
            file=sys.stderr,
        )
    return [summac_zs.score(image, judged, options) for image in images]


def _warn_of_other_scripts(pairs: Sequence[Pair]) -> None:
    """Name on stderr the data sets whose answers are mostly not in Latin letters."""
    answers: dict[str, list[str]] = {}
    for prompt, generation in pairs:
        answers.setdefault(prompt["id"].partition(":")[0], []).append(generation["text"])
    for name, texts in answers.items():
        share = share_outside_latin(texts)
        if share > MOST_OTHER_SCRIPTS:
            print(
                f"warning: {share:.0%} of the letters in answers to '{name}' are not Latin; SummaC"
                " is only as good there as models.nli, and most NLI models read English alone."
                " judges.faithfulness.abstractive: k_precision works in any script",
                file=sys.stderr,
            )


def _summac_package(
    pairs: Sequence[Pair], settings: FaithfulnessSettings, nli_folder: Path
) -> list[Verdict]:
    devices = find_devices(settings.devices, settings.precision, "judges.faithfulness")
    if len(devices) > 1:
        raise InputError(
            f"judges.faithfulness.devices: {settings.devices} stands for {', '.join(devices)} here,"
            " but summac_package computes on one device: name one of them"
        )
    _warn_of_other_scripts(pairs)
    scorer = summac_package.load(nli_folder, settings.use_contradiction, devices[0])
    images = [_image(pair, summac_zs.DEFAULT) for pair in pairs]
    known = [summac_zs.nothing_to_judge(image) or summac_package.unread(image) for image in images]
    asked = [image for image, verdict in zip(images, known, strict=True) if verdict is None]
    scores = iter(summac_package.score(scorer, asked))
    return [verdict or (next(scores), None) for verdict in known]


def _detector(
    measure: str,
    pairs: Sequence[Pair],
    settings: FaithfulnessSettings,
    folder: Path,
    progress: bool,
) -> list[Verdict]:
    images = [_image(pair, summac_zs.DEFAULT) for pair in pairs]
    known = [summac_zs.nothing_to_judge(image) for image in images]
    texts = [(prompt["question"] or "", prompt["context"], row["text"]) for prompt, row in pairs]
    asked = [text for text, verdict in zip(texts, known, strict=True) if verdict is None]
    score = detectors.minicheck if measure == "minicheck" else detectors.lettucedetect
    how = (settings.precision, settings.devices, settings.batch_tokens, progress)
    scores = iter(score(asked, folder, *how) if asked else ())
    return [verdict or (next(scores), None) for verdict in known]

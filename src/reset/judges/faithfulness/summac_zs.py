"""SummaC-ZS, the faithfulness of abstractive answers and summaries (Laban et al., TACL 2022, arXiv
2111.09525).

Each sentence of the answer is a hypothesis, each sentence of the context a premise. A hypothesis
scores the highest entailment that any premise gives it, the answer the mean over its hypotheses.
With `use_contradiction` the highest contradiction, from whichever premise, is subtracted first, as
the summac package does by default.

For question answering the question stands before *every* premise: "Where was Ada born? In London,
in 1815." Context sentences are often elliptic, and so are answers ("In London"): the question tells
what both are about. The paper only says that the question is prefixed to the context; before the
first sentence alone it would help that one alone.

Sentences are cut in any script, but the usual NLI models are trained on English alone: the stage
warns of data sets whose answers are mostly in other scripts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, product

from reset.text.sentences import split

Probabilities = tuple[float, float]
EMPTY_ANSWER = "empty answer"
EMPTY_CONTEXT = "empty context"


@dataclass(frozen=True)
class SummacOptions:
    """`min_characters`: shorter sentences are left out; `max_premises`: only the first so many
    premises count.
    """

    use_contradiction: bool = False
    min_characters: int = 1
    max_premises: int | None = None


DEFAULT = SummacOptions()
PACKAGE = SummacOptions(use_contradiction=True, min_characters=11, max_premises=100)
"""What the summac package does at sentence granularity: short answers of ten characters score 0."""


@dataclass(frozen=True)
class SentencePairs:
    """One answer against its context: the pairs to judge are all of `premises` × `hypotheses`."""

    premises: tuple[str, ...]
    hypotheses: tuple[str, ...]

    def pairs(self) -> Iterable[tuple[str, str]]:
        return product(self.premises, self.hypotheses)


def image(
    question: str, passages: Sequence[str], answer: str, options: SummacOptions = DEFAULT
) -> SentencePairs:
    """The sentences of one answer and of its context; `question` is "" where there is none
    (summaries).
    """
    kept = [s for s in premises(question, tuple(passages)) if len(s) >= options.min_characters]
    asserted = [s for s in split(answer) if len(s) >= options.min_characters]
    return SentencePairs(tuple(kept[: options.max_premises]), tuple(asserted))


@lru_cache(maxsize=10_000)
def premises(question: str, passages: tuple[str, ...]) -> tuple[str, ...]:
    """The context sentence by sentence, in order, each with the question before it where there is
    one.
    """
    before = f"{question.strip()} " if question.strip() else ""
    sentences = chain.from_iterable(map(split, passages))
    return tuple(before + sentence for sentence in sentences)


def score(
    image: SentencePairs,
    judged: Mapping[tuple[str, str], Probabilities],
    options: SummacOptions = DEFAULT,
) -> tuple[float | None, str | None]:
    """(score, reason) of one answer from the (entailment, contradiction) of its pairs.

    The score lies in [0, 1], with `use_contradiction` in [−1, 1]. An answer without a sentence says
    nothing that could be supported and scores 0; without context there is nothing to judge by:
    None. The reason names both cases.
    """
    if verdict := nothing_to_judge(image):
        return verdict
    supports = [
        _support(image.premises, hypothesis, judged, options) for hypothesis in image.hypotheses
    ]
    return sum(supports) / len(supports), None


def nothing_to_judge(image: SentencePairs) -> tuple[float | None, str] | None:
    """(score, reason) of an answer that leaves a model nothing to judge, else None."""
    if not image.hypotheses:
        return 0.0, EMPTY_ANSWER
    if not image.premises:
        return None, EMPTY_CONTEXT
    return None


def _support(
    premises: Iterable[str],
    hypothesis: str,
    judged: Mapping[tuple[str, str], Probabilities],
    options: SummacOptions,
) -> float:
    found = [judged[premise, hypothesis] for premise in premises]
    entailment = max(chances[0] for chances in found)
    if options.use_contradiction:
        return entailment - max(chances[1] for chances in found)
    return entailment

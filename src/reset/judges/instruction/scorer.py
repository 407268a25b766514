"""A small trained scorer of instruction following in the LLM judge's place: no server, no network,
seconds to train.

After Cappy (arXiv 2311.06720): it learns from training requests with their references and with
spoiled copies of these, whose target is their ROUGE-L with the reference, and then judges without
one. Cappy is a RoBERTa of 360M parameters; this is a logistic regression on hashed words, so it
knows of a request only which words tend to go with which in an answer.
"""

import random
import re
import zlib
from collections.abc import Iterable, Sequence

import numpy as np

from reset.core.errors import InputError
from reset.core.io import Row
from reset.judges.instruction.llm import measured, request_of
from reset.text.rouge import rouge_l

TRAINING = "data/mixes/instruction/train.jsonl"
SIZE = 1 << 17  # weights; features share one where their hashes meet
EPOCHS, BATCH, RATE, SCALE = 4, 64, 0.5, 10.0
MOST_ROWS = 2000  # to learn from: a row of 260 words becomes eight examples, of 90,000 features


class Scorer:
    """Weights of features: `score` is the logistic function of their mean, times SCALE."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """Train on rows with `instruction`, `question` and `target`, on MOST_ROWS of them drawn at
        random where there are more; InputError where there are fewer than two.
        """
        if len(rows) < 2:
            raise InputError(
                f"{TRAINING}: {len(rows)} rows; the scorer needs two at least to learn from"
            )
        rng = random.Random(0)
        if len(rows) > MOST_ROWS:
            rows = rng.sample(rows, MOST_ROWS)
        rated: list[tuple[str, str, float]] = []
        for row in rows:
            rated += training_examples(row, rng.choice(rows)["target"], rng)
        examples = [np.array(features(request, answer)) for request, answer, _ in rated]
        targets = np.array([target for _, _, target in rated])
        self.weights, squares = np.zeros(SIZE), np.full(SIZE, 1e-10)
        for _ in range(EPOCHS):
            order = list(range(len(rated)))
            rng.shuffle(order)
            for start in range(0, len(order), BATCH):
                self._step(
                    [examples[i] for i in order[start : start + BATCH]],
                    targets[order[start : start + BATCH]],
                    squares,
                )

    def _step(self, examples: list[np.ndarray], targets: np.ndarray, squares: np.ndarray) -> None:
        """One step of Adagrad on the cross-entropy with `targets`."""
        sizes = np.array([len(example) for example in examples])
        at, owner = np.concatenate(examples), np.repeat(np.arange(len(examples)), sizes)
        error = self._score(at, owner, sizes) - targets
        gradient = np.bincount(at, (error * SCALE / sizes / len(examples))[owner], minlength=SIZE)
        squares += gradient**2
        self.weights -= RATE * gradient / np.sqrt(squares)

    def _score(self, at: np.ndarray, owner: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        return 1 / (
            1 + np.exp(-SCALE * np.bincount(owner, self.weights[at], minlength=len(sizes)) / sizes)
        )

    def score(self, request: str, answer: str) -> float:
        """How well `answer` serves `request`, from 0 to 1."""
        at = np.array(features(request, answer))
        return float(self._score(at, np.zeros(len(at), int), np.array([len(at)]))[0])


def training_examples(row: Row, other: str, rng: random.Random) -> list[tuple[str, str, float]]:
    """(request, answer, target) for a row's reference, and for copies that are empty, of another
    row (`other`), cut, shuffled, short of a word, said twice, or followed by another row's.
    """
    request, target = request_of(row), row["target"]
    words = target.split()
    answers = [target, "", other]
    if len(words) > 1:
        cut, gone = rng.randrange(1, len(words)), rng.randrange(len(words))
        answers += [" ".join(words[:cut]), " ".join(rng.sample(words, len(words)))]
        answers += [
            " ".join(words[:gone] + words[gone + 1 :]),
            f"{target} {target}",
            f"{target} {other}",
        ]
    return [(request, answer, rouge_l(answer, (target,))) for answer in answers]


def features(request: str, answer: str) -> list[int]:
    """The hashed features of an answer: its words, pairs of neighbours, length, first and last
    word, and each of these but the pairs together with each word of the request.
    """
    asked, said = set(words(request)), words(answer)
    form = {
        f"length {min(len(said), 30)}",
        *(f"{mark} {min(said.count(mark), 9)}" for mark in ".,"),
    }
    form |= {f"first {said[0]}", f"last {(said[:-1] or said)[-1]}"} if said else {"empty"}
    pairs = {f"{a} {b}" for a, b in zip(["^", *said], [*said, "$"], strict=True)}
    crossed = {f"{word}|{feature}" for word in asked for feature in (*form, *set(said))}
    shared = f"shared {min(sum(word in asked for word in said), 9)}"
    return sorted(
        zlib.crc32(feature.encode()) % SIZE for feature in {*said, *form, *pairs, *crossed, shared}
    )


def words(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text.lower())


def judge_by_scorer(pairs: Iterable[tuple[Row, Row]], training: Sequence[Row]) -> list[Row]:
    """One verdict a (prompt, generation) pair, in order: score, and no ratings, replies or reason,
    as it has none.
    """
    scorer = Scorer(training)
    return [
        measured(round(scorer.score(request_of(prompt), row["text"]), 4)) for prompt, row in pairs
    ]

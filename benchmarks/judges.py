"""The judges against what else there is: SummaC-ZS in batches against the summac package (0.0.4),
on the CPU.

Both sides score the same answers (20 documents × 14 answers, 7 of them distinct, as samples of one
prompt repeat themselves) with the same small ALBERT, in one process and with the same threads.
Answers that differ share no sentence here; where real samples do, ours gains more. Documents are
real ones from `--documents` where those files are, and made up otherwise: only their lengths
matter, for the weights are random.

Run: PYTHONPATH=src:. python benchmarks/judges.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.random_nli import build
from reset.judges.faithfulness import nli, summac_package, summac_zs
from reset.judges.faithfulness.summac_zs import PACKAGE, SentencePairs
from reset.text import sentences

DOCUMENTS, ANSWERS, DISTINCT = 20, 14, 7
BATCH_TOKENS = 2048


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one round and a smaller model: minutes on 2 cores"
    )
    parser.add_argument(
        "--documents", type=Path, default=Path("../shared/data"), help="folder of summac_*.jsonl"
    )
    given = parser.parse_args()
    documents = read_documents(given.documents) or made_up_documents()
    pairs = samples(documents, random.Random(0))
    hidden, layers, rounds = (128, 4, 1) if given.quick else (256, 6, 3)
    with tempfile.TemporaryDirectory() as folder:
        model = build(Path(folder), documents, hidden, layers, vocabulary=4000)
        results = measure(model, pairs, rounds)
    print(json.dumps(results))


def read_documents(folder: Path) -> list[str]:
    """The first real documents of 10 to 40 sentences; none where the files are missing."""
    rows = [
        json.loads(line)
        for path in sorted(folder.glob("summac_*.jsonl"))
        for line in path.open(encoding="utf-8")
    ]
    documents = dict.fromkeys(row["document"] for row in rows)
    return [document for document in documents if 10 <= len(sentences.split(document)) <= 40][
        :DOCUMENTS
    ]


def made_up_documents() -> list[str]:
    """Texts of 10 to 40 sentences of 4 to 45 words, as news has them."""
    rng = random.Random(1)
    words = [
        "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(3000)
    ]
    return [
        " ".join(
            " ".join(rng.choices(words, k=rng.randint(4, 45))).capitalize() + "."
            for _ in range(rng.randint(10, 40))
        )
        for _ in range(DOCUMENTS)
    ]


def samples(documents: Sequence[str], rng: random.Random) -> list[tuple[str, str]]:
    """(document, answer): DISTINCT answers of one to four shortened sentences each, repeated to
    ANSWERS, shuffled.
    """
    pairs = []
    for document in documents:
        distinct = [
            " ".join(shortened(document, rng) for _ in range(rng.randint(1, 4)))
            for _ in range(DISTINCT)
        ]
        repeated = distinct + rng.choices(distinct, k=ANSWERS - DISTINCT)
        rng.shuffle(repeated)
        pairs += [(document, answer) for answer in repeated]
    return pairs


def shortened(document: str, rng: random.Random) -> str:
    words = rng.choice(
        [sentence for sentence in sentences.split(document) if len(sentence.split()) > 4]
    ).split()
    kept = [word for word in words if rng.random() < 0.8]
    return " ".join(kept or words).rstrip(".") + "."


def measure(folder: Path, pairs: Sequence[tuple[str, str]], rounds: int) -> list[dict]:
    """Time every side `rounds` times in turn (models loaded), print the table, return the rows of
    the last line.
    """
    import torch

    images = [summac_zs.image("", [document], answer) for document, answer in pairs]
    fp32, bf16 = nli.Nli(folder, "fp32", "cpu"), nli.Nli(folder, "bf16", "cpu")
    package = summac_package.load(folder, use_contradiction=True)
    sides: dict[str, Callable[[], list[float]]] = {
        "summac score()": lambda: summac_package.score(package, images),
        "summac score_one()": lambda: score_one(package, images),
        "ours, fp32": lambda: ours(fp32, images),
        "ours, bf16": lambda: ours(bf16, images),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    scores: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, run in sides.items():
            package.imager.cache.clear()
            started = time.perf_counter()
            scores[name] = run()
            seconds[name].append(time.perf_counter() - started)
    took = {name: statistics.median(values) for name, values in seconds.items()}
    print_table(took, scores, images, fp32.padding_share, torch.get_num_threads())
    mine = took["ours, fp32"]
    return [
        entry("SummaC-ZS against score()", took["summac score()"], mine, 4.5),
        entry("SummaC-ZS against score_one()", took["summac score_one()"], mine, 1.3),
    ]


def score_one(package: Any, images: Sequence[SentencePairs]) -> list[float]:
    """The package one answer at a time: it remembers answers that it has seen."""
    return [float(package.score_one(*summac_package.texts(image))["score"]) for image in images]


def ours(model: nli.Nli, images: Sequence[SentencePairs]) -> list[float]:
    """As the stage does it: cut sentences, judge all distinct pairs of all answers in one pass, put
    them together.
    """
    cut = [
        SentencePairs(
            tuple(s for s in image.premises if len(s) >= PACKAGE.min_characters)[
                : PACKAGE.max_premises
            ],
            tuple(s for s in image.hypotheses if len(s) >= PACKAGE.min_characters),
        )
        for image in images
    ]
    judged = model.score({pair for image in cut for pair in image.pairs()}, BATCH_TOKENS)
    return [summac_zs.score(image, judged, PACKAGE)[0] or 0.0 for image in cut]


def print_table(
    took: dict[str, float],
    scores: dict[str, list[float]],
    images: Sequence[SentencePairs],
    padding: float,
    threads: int,
) -> None:
    asked = sum(len(image.premises) * len(image.hypotheses) for image in images)
    distinct = len({pair for image in images for pair in image.pairs()})
    print(
        f"{len(images)} answers, {asked:,} sentence pairs, {distinct:,} distinct; {threads} threads"
    )
    print(f"{'':<20}{'seconds':>9}{'pairs/s':>9}{'largest difference':>20}")
    for name, seconds in took.items():
        difference = max(
            abs(a - b) for a, b in zip(scores[name], scores["summac score()"], strict=True)
        )
        print(f"{name:<20}{seconds:>9.2f}{asked / seconds:>9.0f}{difference:>20.1e}")
    print(f"padding: {padding:.1%} of the tokens computed by ours (goal: under 10 %)")


def entry(name: str, theirs: float, mine: float, goal: float) -> dict:
    return {
        "name": name,
        "ratio": round(theirs / mine, 2),
        "goal": goal,
        "ours": round(mine, 3),
        "theirs": round(theirs, 3),
        "unit": "s",
    }


if __name__ == "__main__":
    main()

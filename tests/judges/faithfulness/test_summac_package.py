import json
import random
from pathlib import Path

import pytest

from benchmarks.judges import made_up_documents, samples
from benchmarks.random_nli import build
from reset.judges.faithfulness import nli, summac_package, summac_zs

pytestmark = pytest.mark.integration

pytest.importorskip(
    "summac", reason="the summac package is not installed (pip install --no-deps summac==0.0.4)"
)

REAL = [Path("../shared/data") / f"summac_{name}.jsonl" for name in ("summeval", "factcc")]


def real_pairs():
    """200 (document, answer): the labelled rows, and 50 documents with the answer of another."""
    rows = [
        json.loads(line) for path in REAL for line in path.read_text(encoding="utf-8").splitlines()
    ]
    own = [(row["document"], row["claim"]) for row in rows]
    crossed = [(own[i][0], own[i + 50][1]) for i in range(50)]
    return (own + crossed)[:200]


def written_pairs():
    """Documents and answers of every shape: short, long, repeated, with abbreviations, of one
    word.
    """
    documents = [
        (
            "Dr. Ada Byron was born in London in 1815. She wrote the first program. Few people read"
            " it at that time."
        ),
        (
            "It rained for nine days. The river rose by 3.5 m! Nobody in the lower town had"
            " expected so much water."
        ),
        (
            "- The first item of a list\n- The second item of that list\n\nAnd a last paragraph,"
            " which says little."
        ),
    ]
    answers = [
        "Yes.",
        "Ada was born in London.",
        "It rained. The river rose. Nobody was surprised by that.",
        "No idea",
    ]
    return [(document, answer) for document in documents for answer in [*answers, *documents]]


def largest_difference(pairs, folder, use_contradiction):
    options = summac_zs.SummacOptions(
        use_contradiction, summac_zs.PACKAGE.min_characters, summac_zs.PACKAGE.max_premises
    )
    images = [summac_zs.image("", [document], answer, options) for document, answer in pairs]
    judged = nli.Nli(folder, devices="cpu").score(
        {pair for image in images for pair in image.pairs()}, 8192
    )
    ours = [summac_zs.score(image, judged, options)[0] for image in images]
    # the package gets all sentences and leaves out the short ones itself
    whole = [summac_zs.image("", [document], answer) for document, answer in pairs]
    theirs = summac_package.score(summac_package.load(folder, use_contradiction), whole)
    assert max(ours) - min(ours) > 0.01, (
        "scores must differ by far more than the tolerance to mean anything"
    )
    return max(abs(a - b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("use_contradiction", [True, False])
def test_scores_agree_with_the_package(tmp_path, use_contradiction):
    pairs = written_pairs()
    folder = build(tmp_path, [text for pair in pairs for text in pair])
    assert largest_difference(pairs, folder, use_contradiction) < 1e-4


def made_up_pairs():
    """200 different answers to 20 documents of 10 to 40 sentences."""
    documents = made_up_documents()
    return list(
        dict.fromkeys(pair for seed in (0, 1) for pair in samples(documents, random.Random(seed)))
    )[:200]


@pytest.mark.parametrize("pairs_of", [made_up_pairs, real_pairs])
def test_scores_agree_with_the_package_on_200_pairs(tmp_path, pairs_of):
    if pairs_of is real_pairs and not all(path.exists() for path in REAL):
        pytest.skip("the real rows (../shared/data) are not here")
    pairs = pairs_of()
    assert len(pairs) == 200
    folder = build(
        tmp_path, [text for pair in pairs for text in pair], hidden=32, layers=1, spread=3.0
    )
    assert largest_difference(pairs, folder, use_contradiction=True) < 1e-4

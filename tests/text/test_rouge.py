import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reset.core import io
from reset.text.rouge import rouge_l


@settings(max_examples=60)
@given(
    st.text(alphabet="abc runing, .", max_size=40),
    st.lists(st.text(alphabet="abc runs.,", max_size=40), min_size=1, max_size=3),
)
def test_scores_equal_the_package_at_its_best_reference(answer, references):
    from rouge_score.rouge_scorer import RougeScorer

    theirs = RougeScorer(["rougeL"], use_stemmer=True)
    assert rouge_l(answer, tuple(references)) == max(
        theirs.score(r, answer)["rougeL"].fmeasure for r in references
    )


def test_the_best_reference_counts():
    assert rouge_l("the cat sat", ("a dog ran", "the cat sat")) == 1.0


@pytest.mark.parametrize(
    "text",
    ["Он живёт в Москве.", "他住在北京。", "يعيش في القاهرة", "वह दिल्ली में रहता है।", "เขาอยู่กรุงเทพ"],
)
def test_a_perfect_answer_scores_1_in_any_script(text):
    assert rouge_l(text, (text,)) == 1.0
    assert rouge_l("elsewhere", (text,)) == 0.0


def test_words_that_differ_count_in_any_script():
    assert rouge_l("Москва, 1998", ("Берлин, 1998",)) == 0.5


FOLDER = Path("../shared/data")


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no folder of real rows beside the project")
def test_real_english_rows_score_as_the_package_scores_them():
    from rouge_score.rouge_scorer import RougeScorer

    theirs = RougeScorer(["rougeL"], use_stemmer=True)
    rows = [*io.read(FOLDER / "cnn_dailymail.jsonl"), *io.read(FOLDER / "alpaca.jsonl")]
    compared = 0
    for row in rows:
        reference, answer = (
            row.get("highlights") or row["output"],
            row.get("article") or row["text"],
        )
        letters = re.sub(r"[\W\d_]", "", reference + answer[:3000])
        if letters.isascii():
            compared += 1
            score = theirs.score(reference, answer[:3000])["rougeL"].fmeasure
            assert rouge_l(answer[:3000], (reference,)) == score
    assert compared > 200


def test_stems_match():
    assert rouge_l("jumping", ("jumped",)) == 1.0


def test_an_empty_answer_and_no_reference_score_zero():
    assert rouge_l("", ("x",)) == 0.0
    assert rouge_l("x", ()) == 0.0


def test_nltk_is_not_imported_before_the_first_score():
    code = (
        "import sys, reset.text.rouge; sys.exit('nltk' in sys.modules or 'rouge_score' in"
        " sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "src"}).returncode == 0

import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from reset.judges.rouge import rouge_l


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


def test_stems_match():
    assert rouge_l("jumping", ("jumped",)) == 1.0


def test_an_empty_answer_and_no_reference_score_zero():
    assert rouge_l("", ("x",)) == 0.0
    assert rouge_l("x", ()) == 0.0


def test_nltk_is_not_imported_before_the_first_score():
    code = (
        "import sys, reset.judges.rouge; sys.exit('nltk' in sys.modules or 'rouge_score' in"
        " sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "src"}).returncode == 0

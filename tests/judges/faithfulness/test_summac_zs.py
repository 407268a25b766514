import pytest
from hypothesis import given
from hypothesis import strategies as st

from reset.judges.faithfulness import summac_zs
from reset.judges.faithfulness.summac_zs import SentencePairs, SummacOptions, image, score


def judged(table):
    """Probabilities of premises p0, p1, … × hypotheses h0, h1, … from rows of (entailment,
    contradiction).
    """
    return {
        (f"p{i}", f"h{j}"): chances for i, row in enumerate(table) for j, chances in enumerate(row)
    }


def shape(table):
    return SentencePairs(
        tuple(f"p{i}" for i in range(len(table))), tuple(f"h{j}" for j in range(len(table[0])))
    )


TABLE = [[(0.9, 0.05), (0.1, 0.2)], [(0.2, 0.6), (0.4, 0.5)]]


def test_the_best_premise_counts_and_sentences_are_averaged():
    assert score(shape(TABLE), judged(TABLE)) == (pytest.approx((0.9 + 0.4) / 2), None)


def test_the_highest_contradiction_is_subtracted_from_whichever_premise_it_comes():
    options = SummacOptions(use_contradiction=True)
    assert score(shape(TABLE), judged(TABLE), options)[0] == pytest.approx(
        (0.9 - 0.6 + 0.4 - 0.5) / 2
    )


CHANCES = st.floats(0, 1).flatmap(lambda e: st.tuples(st.just(e), st.floats(0, 1 - e)))


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(CHANCES, min_size=n, max_size=n), min_size=1, max_size=4)
    )
)
def test_scores_stay_in_range_and_a_further_premise_never_lowers_entailment(table):
    plain = score(shape(table), judged(table))[0]
    assert 0.0 <= plain <= 1.0
    assert (
        -1.0 <= score(shape(table), judged(table), SummacOptions(use_contradiction=True))[0] <= 1.0
    )
    longer = [*table, table[0]]
    assert score(shape(longer), judged(longer))[0] >= plain


def test_the_question_stands_before_every_premise_and_no_hypothesis():
    made = image(
        "Where was Ada born?", ["In London. It rained.", "Nobody knows."], "In London. I think."
    )
    assert made.premises == (
        "Where was Ada born? In London.",
        "Where was Ada born? It rained.",
        "Where was Ada born? Nobody knows.",
    )
    assert made.hypotheses == ("In London.", "I think.")


def test_without_a_question_premises_are_the_sentences_alone():
    assert image("", ["It rained."], "Rain.").premises == ("It rained.",)


def test_short_answers_are_judged_like_long_ones():
    made = image("", ["He said yes."], "Yes.")
    assert made.hypotheses == ("Yes.",)
    assert score(made, {("He said yes.", "Yes."): (0.8, 0.1)}) == (0.8, None)


@pytest.mark.parametrize("answer", ["", "  \n", "..."])
def test_an_empty_answer_scores_zero_with_a_reason(answer):
    assert score(image("", ["It rained."], answer), {}) == (0.0, summac_zs.EMPTY_ANSWER)


def test_without_context_there_is_no_score_but_a_reason():
    assert score(image("Why?", [""], "It rained."), {}) == (None, summac_zs.EMPTY_CONTEXT)


def test_the_packages_options_leave_out_short_sentences_and_late_premises():
    made = image(
        "",
        [f"This is sentence number {i}." for i in range(150)],
        "Yes. It was a long day.",
        summac_zs.PACKAGE,
    )
    assert len(made.premises) == 100 and made.hypotheses == ("It was a long day.",)

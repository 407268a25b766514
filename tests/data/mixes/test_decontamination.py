import random

import pytest

from reset.data.mixes.decontamination import EvaluationText, Ngrams, fingerprint
from reset.text.normalize import normalize_answer

WORDS = [f"w{n}" for n in range(300)]


def row(task="instruction", instruction="", question="", context=(), references=()):
    return {
        "task": task, "instruction": instruction, "question": question, "context": list(context),
        "references": list(references),
    }  # fmt: skip


def test_fingerprints_ignore_case_and_spaces_and_nothing_else():
    assert fingerprint("List the\n STRASSE", "Yes.") == fingerprint(" list  the straße", "yes.")
    assert fingerprint("list fruits", "yes") != fingerprint("list", "fruits yes")
    for one, other in (
        ("in C", "in C++"),
        ("in C", "in C#"),
        ("Is 3 < 5?", "Is 3 > 5?"),
        ("a vitamin", "vitamin A"),
    ):
        assert fingerprint(one) != fingerprint(other)


def text(*, of, length):
    return " ".join(of[:length])


@pytest.mark.parametrize(("length", "shares"), [(12, False), (13, True), (40, True)])
def test_thirteen_words_in_a_row_are_an_overlap_and_twelve_are_none(length, shares):
    evaluation = row(references=[text(of=WORDS, length=100)])
    training = row(references=["x y z " + " ".join(WORDS[40 : 40 + length]) + " p q r"])
    assert EvaluationText([evaluation], Ngrams(13)).shares(training) is shares


def test_overlap_is_found_across_fields_but_not_across_their_borders():
    run = text(of=WORDS, length=13)
    known = EvaluationText([row(instruction=f"Please {run}")], Ngrams(13))
    assert known.shares(row("summarization", context=[f"So, {run.upper()}!"]))
    half = WORDS[:13]
    assert not known.shares(row(instruction=" ".join(half[:7]), references=[" ".join(half[7:])]))


def test_a_short_question_or_instruction_counts_as_a_whole():
    known = EvaluationText(
        [row("extractive_qa", question="Who was she?", references=["yes"])], Ngrams(13)
    )
    assert known.shares(row("extractive_qa", question="who was she"))
    assert not known.shares(row("extractive_qa", question="Who was she then?", references=["yes"]))


def test_the_instruction_of_a_task_is_shared_by_design_and_not_counted():
    known = EvaluationText([row("extractive_qa", text(of=WORDS, length=20), "one")], Ngrams(13))
    assert not known.shares(row("extractive_qa", text(of=WORDS, length=20), "two"))


def test_passages_count_unless_rows_share_them_by_design():
    known = EvaluationText(
        [row("extractive_qa", question="one", context=[text(of=WORDS, length=20)])], Ngrams(13)
    )
    training = row("extractive_qa", question="two", context=[text(of=WORDS, length=20)])
    assert known.shares(training)
    assert not known.shares(training | {"shared_passages": True})
    assert known.shares(training | {"shared_passages": True, "question": "One?"})


def test_of_rows_told_apart_by_their_passages_question_and_answer_may_recur():
    long = text(of=WORDS, length=20)
    own = row("abstractive_qa", question=long, context=["one"], references=[long])
    own |= {"by_passage": True}
    known = EvaluationText([own], Ngrams(13))
    assert not known.shares(own | {"context": ["two"]})
    assert known.shares(own | {"question": "q", "references": [], "context": ["two", "One."]})
    assert not known.shares(row("extractive_qa", question=long))


def test_no_evaluation_rows_share_nothing():
    assert not EvaluationText([], Ngrams(13)).shares(row(instruction=text(of=WORDS, length=50)))


def test_overlaps_are_those_that_a_plain_search_finds():
    rng = random.Random(0)

    def made():
        return row(references=[" ".join(rng.choice("abcdefgh") for _ in range(rng.randint(0, 12)))])

    def grams(one):
        words = normalize_answer(one["references"][0]).split()
        return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}

    evaluation = [made() for _ in range(4)]
    known = EvaluationText(evaluation, Ngrams(3))
    plain = set().union(*map(grams, evaluation))
    results = [
        (known.shares(one), bool(grams(one) & plain)) for one in (made() for _ in range(500))
    ]
    assert all(ours == theirs for ours, theirs in results)
    assert {ours for ours, _ in results} == {True, False}

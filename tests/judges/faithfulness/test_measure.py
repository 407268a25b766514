from dataclasses import replace

import pytest

from benchmarks.random_nli import build
from reset.core.errors import InputError
from reset.judges.faithfulness import measure, nli
from reset.judges.faithfulness.measure import FaithfulnessSettings, Measure, judge_faithfulness
from reset.judges.faithfulness.summac_zs import EMPTY_ANSWER, EMPTY_CONTEXT

CONTEXT = ["Ada was born in London. She was a countess.", "It rained in York."]
PLAIN = FaithfulnessSettings(
    "span", "summac_zs", use_contradiction=False, precision="fp32", batch_tokens=512, devices="cpu"
)
WORDING = FaithfulnessSettings(
    "span",
    "k_precision",
    use_contradiction=False,
    precision="fp32",
    batch_tokens=512,
    devices="cpu",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("nli"), CONTEXT)


def pair(text, task="summarization", question="", id="cnn:1", sample=0, context=CONTEXT):
    prompt = {"id": id, "task": task, "question": question, "context": context}
    return prompt, {"id": id, "sample": sample, "text": text}


def test_extractive_answers_are_judged_by_their_span_and_no_model_is_loaded(tmp_path):
    pairs = [pair("london", "extractive_qa"), pair("Paris", "extractive_qa", id="nq:2")]
    rows = judge_faithfulness(pairs, PLAIN, tmp_path / "no model here")
    assert [(row["id"], row["metric"], row["score"]) for row in rows] == [
        ("cnn:1", "span", 1.0),
        ("nq:2", "span", 0.0),
    ]


def test_k_precision_stands_in_by_name_and_needs_no_model(tmp_path):
    (row,) = judge_faithfulness(
        [pair("Ada was born in Paris.")], WORDING, tmp_path / "no model here"
    )
    assert (row["metric"], row["score"]) == ("k_precision", 0.8)


def test_answers_in_other_scripts_are_warned_of_by_data_set(folder, capsys):
    judge_faithfulness(
        [pair("Ada была в Лондоне."), pair("It rained.", id="wikisum:1")], PLAIN, folder
    )
    warning = capsys.readouterr().err
    assert "80% of the letters in answers to 'cnn' are not Latin" in warning
    assert "wikisum" not in warning


def test_pairs_that_the_model_had_to_cut_are_warned_of(folder, capsys):
    judge_faithfulness([pair("It rained.", context=["rain " * 600])], PLAIN, folder)
    assert "1 of 1 pairs of sentences were cut to the 500 tokens" in capsys.readouterr().err
    judge_faithfulness([pair("It rained.")], PLAIN, folder)
    assert "were cut" not in capsys.readouterr().err


def test_every_generation_has_a_row_in_order_with_how_much_of_its_wording_the_context_holds(folder):
    pairs = [pair("It rained.", sample=2), pair("Ada.", sample=0), pair("It rained.", sample=1)]
    rows = judge_faithfulness(pairs, PLAIN, folder)
    assert [row["sample"] for row in rows] == [2, 0, 1]
    assert rows[0] == {**rows[2], "sample": 2}
    assert list(rows[0]) == [
        "id",
        "sample",
        "metric",
        "score",
        "reason",
        "unigram_coverage",
        "bigram_coverage",
        "k_precision",
        "k_recall",
    ]
    assert (
        rows[0]["unigram_coverage"] == rows[0]["bigram_coverage"] == rows[0]["k_precision"] == 1.0
    )
    assert 0.0 < rows[0]["score"] <= 1.0 and rows[0]["reason"] is None


def test_each_distinct_sentence_pair_reaches_the_model_once(folder, monkeypatch):
    asked = []
    score = nli.Nli.score
    monkeypatch.setattr(
        nli.Nli,
        "score",
        lambda self, pairs, *rest: asked.extend(pairs) or score(self, pairs, *rest),
    )
    answers = ["It rained.", "It rained. Ada slept.", "Ada slept."]
    judge_faithfulness(
        [pair(text, sample=sample) for sample, text in enumerate(answers * 5)], PLAIN, folder
    )
    assert len(asked) == len(set(asked)) == 3 * 2


def test_the_same_answer_to_another_question_is_another_verdict(folder):
    asks = [
        pair("It rained.", "abstractive_qa", question, id=question)
        for question in ("Why?", "Where was Ada born?")
    ]
    first, second = judge_faithfulness(asks, PLAIN, folder)
    assert first["score"] != second["score"]


def by(measure, **changes):
    if measure == "summac_package":
        pytest.importorskip("summac", reason="the summac package is not installed")
    return replace(PLAIN, abstractive=measure, **changes)


@pytest.mark.parametrize("measure", Measure.__args__)
def test_an_empty_answer_scores_zero_with_a_reason(folder, measure):
    for text in ("", " \n"):
        (row,) = judge_faithfulness([pair(text)], by(measure), folder)
        assert (row["score"], row["reason"]) == (0.0, EMPTY_ANSWER)


@pytest.mark.parametrize("measure", Measure.__args__)
def test_a_row_without_context_has_no_score(folder, measure):
    for context in ([], ["", " \n"]):
        (row,) = judge_faithfulness(
            [pair("It rained a lot.", context=context)], by(measure), folder
        )
        assert (row["score"], row["reason"]) == (None, EMPTY_CONTEXT)


def test_the_package_tells_where_it_leaves_out_every_sentence(folder):
    text = "It rained a lot."
    pairs = [pair("Yes. No.", id="a"), pair(text, id="b", context=["Short."]), pair(text, id="c")]
    short, blind, judged = judge_faithfulness(pairs, by("summac_package"), folder)
    assert (short["score"], short["reason"]) == (
        0.0,
        "no sentence of the answer has more than ten characters",
    )
    assert (blind["score"], blind["reason"]) == (
        None,
        "no sentence of the context has more than ten characters",
    )
    assert judged["score"] > 0 and judged["reason"] is None


def test_settings_without_effect_on_the_package_are_refused(folder, monkeypatch):
    with pytest.raises(InputError, match="precision is bf16, but summac_package computes in fp32"):
        replace(PLAIN, extractive="summac_package", precision="bf16")
    monkeypatch.setattr(measure, "find_devices", lambda *_: ["cuda:0", "cuda:1"])
    with pytest.raises(
        InputError, match="devices: auto stands for cuda:0, cuda:1 here, .* one device"
    ):
        judge_faithfulness([pair("It rained.")], by("summac_package", devices="auto"), folder)


def test_contradiction_lowers_scores_and_the_lowest_possible_one(folder):
    strict = FaithfulnessSettings(
        "span",
        "summac_zs",
        use_contradiction=True,
        precision="fp32",
        batch_tokens=512,
        devices="cpu",
    )
    (plain,), (lower,) = (
        judge_faithfulness([pair("It rained.")], PLAIN, folder),
        judge_faithfulness([pair("It rained.")], strict, folder),
    )
    assert lower["score"] < plain["score"]
    assert (PLAIN.lowest, strict.lowest) == (0.0, -1.0)


def test_the_package_gives_the_same_verdicts_where_no_sentence_is_short(folder):
    pytest.importorskip("summac", reason="the summac package is not installed")
    theirs = FaithfulnessSettings(
        "span",
        "summac_package",
        use_contradiction=False,
        precision="fp32",
        batch_tokens=1,
        devices="cpu",
    )
    pairs = [
        pair("It rained a lot. Ada was there.", "abstractive_qa", "Did it rain?"),
        pair("It rained in the town."),
    ]
    for ours, other in zip(
        judge_faithfulness(pairs, PLAIN, folder),
        judge_faithfulness(pairs, theirs, folder),
        strict=True,
    ):
        assert ours["score"] == pytest.approx(other["score"], abs=1e-4)
        assert other["metric"] == "summac_package"


def test_every_named_measure_can_be_chosen():
    assert set(Measure.__args__) == {
        "span",
        "k_precision",
        "summac_zs",
        "summac_package",
        "minicheck",
        "lettucedetect",
    }

"""Detectors judge through transformers' own classes, in batches as one by one."""

from dataclasses import replace

import pytest

from reset.core.errors import InputError
from reset.judges.faithfulness import detectors
from reset.judges.faithfulness.measure import FaithfulnessSettings, judge_faithfulness
from tests.support import tiny_judges

CONTEXT = ["Ada was born in London. She was a countess.", "It rained in York."]
SETTINGS = FaithfulnessSettings("span", "minicheck", False, "fp32", 256, "cpu")
PROMPTS = detectors.LETTUCE_PROMPTS.glob("*.txt")
WORDS = [
    *CONTEXT,
    *(path.read_text() for path in PROMPTS),
    "Where was Ada born? In London. She slept.",
]
KINDS = [("minicheck", "t5"), ("minicheck", "roberta"), ("lettucedetect", "modernbert")]


def pair(text, question="", id="cnn:1"):
    prompt = {"id": id, "task": "abstractive_qa", "question": question, "context": CONTEXT}
    return prompt, {"id": id, "sample": 0, "text": text}


PAIRS = [pair("In London.", "Where was Ada born?"), pair("It rained in York. She slept.", id="b")]


def judge(folder, measure, pairs=PAIRS, **changes):
    settings = replace(SETTINGS, abstractive=measure, **changes)
    return judge_faithfulness(pairs, settings, folder / "nli")


@pytest.mark.parametrize(("measure", "kind"), KINDS)
def test_scores_lie_between_0_and_1_and_do_not_depend_on_the_batches(tmp_path, measure, kind):
    tiny_judges.detector(tmp_path / "detector", WORDS, kind)
    rows = judge(tmp_path, measure)
    assert {row["metric"] for row in rows} == {measure}
    assert all(0 < row["score"] < 1 for row in rows)
    assert rows[0]["score"] != rows[1]["score"]
    for other in (judge(tmp_path, measure, batch_tokens=1), judge(tmp_path, measure, PAIRS[::-1])):
        scores = {row["id"]: row["score"] for row in other}
        for row in rows:
            assert scores[row["id"]] == pytest.approx(row["score"], abs=1e-5)


def test_minicheck_reads_the_answer_sentence_by_sentence_behind_the_document(tmp_path):
    import torch
    from transformers import AutoTokenizer, T5ForConditionalGeneration

    folder = tiny_judges.detector(tmp_path / "detector", WORDS, "t5")
    words, model = (
        AutoTokenizer.from_pretrained(folder),
        T5ForConditionalGeneration.from_pretrained(folder),
    )
    document = "Ada was born in London. She was a countess. It rained in York."
    no, yes = words("0 1", add_special_tokens=False)["input_ids"]
    found = []
    for sentence in ("It rained in York.", "She slept."):
        inputs = words(f"predict: {document}</s>{sentence}", return_tensors="pt")
        with torch.inference_mode():
            logits = model(
                input_ids=inputs["input_ids"],
                decoder_input_ids=torch.zeros((1, 1), dtype=torch.long),
            ).logits[0, 0]
        found.append(logits[[no, yes]].softmax(-1)[1].item())
    assert judge(tmp_path, "minicheck")[1]["score"] == pytest.approx(sum(found) / 2, abs=1e-4)


def test_long_documents_are_cut_between_sentences():
    passages = ["One two. Three four five.", "Six."]
    parts = list(detectors._parts(passages, 4, lambda sentence: len(sentence.split())))
    assert parts == ["One two.", "Three four five. Six."]


@pytest.mark.parametrize(("kind", "most"), [("t5", 15), ("roberta", 14)])
def test_parts_are_counted_in_words_for_t5_and_in_tokens_for_the_others(
    tmp_path, monkeypatch, kind, most
):
    folder = tiny_judges.detector(tmp_path / "detector", WORDS, kind)
    monkeypatch.setitem(detectors.PART, kind, most)
    asked = []
    monkeypatch.setattr(
        detectors,
        "_parts",
        lambda passages, limit, size: (
            asked.append((limit, size("我是人。 Ada slept."))) or passages
        ),
    )
    detectors.minicheck([("", CONTEXT, "She slept.")], folder, "fp32", "cpu", 256)
    assert asked == [(most, 5 if kind == "t5" else 3)]


@pytest.mark.parametrize("kind", ["t5", "roberta"])
def test_a_part_longer_than_the_model_loses_its_end_and_never_the_sentence(
    tmp_path, monkeypatch, kind
):
    folder = tiny_judges.detector(tmp_path / "detector", WORDS, kind)
    monkeypatch.setitem(detectors.LONGEST, kind, 12)
    long = ["Ada was born in London and was a countess and was a countess and was born in York."]
    texts = [("", long, sentence) for sentence in ("In London.", "She slept.")]
    one, other = detectors.minicheck(texts, folder, "fp32", "cpu", 256)
    assert one != other


def test_a_sentence_longer_than_the_model_is_cut_too(tmp_path, monkeypatch):
    folder = tiny_judges.detector(tmp_path / "detector", WORDS, "roberta")
    monkeypatch.setitem(detectors.LONGEST, "roberta", 12)
    answer = "she slept " * 20
    assert detectors.minicheck([("", CONTEXT, answer)], folder, "fp32", "cpu", 256)


def test_an_answer_longer_than_the_model_is_cut_by_lettucedetect(tmp_path, monkeypatch):
    folder = tiny_judges.detector(tmp_path / "detector", WORDS, "modernbert")
    monkeypatch.setattr(detectors, "LETTUCE_LONGEST", 20)
    (score,) = detectors.lettucedetect(
        [("", ["Ada."], "It rained " * 40)], folder, "fp32", "cpu", 9
    )
    assert 0 < score < 1


def test_an_absent_or_foreign_model_is_named(tmp_path):
    with pytest.raises(InputError, match="set models.detector, which minicheck needs"):
        judge(tmp_path, "minicheck")
    tiny_judges.detector(tmp_path / "detector", WORDS, "t5")
    with pytest.raises(
        InputError, match="lettucedetect expected a model_type of modernbert, got t5"
    ):
        judge(tmp_path, "lettucedetect")

import json

import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.data.datasets import registry
from reset.data.records import retrieval
from reset.data.records.build_records import filter_rows

NQ = registry.entry("nq")


def row(question, answer, passage):
    return {"question": question, "answers": [answer], "ctxs": [{"title": "", "text": passage}]}


ROWS = [
    row("who painted the mona lisa", "Leonardo", "The Mona Lisa was painted by Leonardo."),
    row("where is the mona lisa", "Louvre", "The Louvre shows the Mona Lisa to many visitors."),
    row("how tall is the eiffel tower", "330 metres", "The Eiffel tower stands 330 metres tall."),
    row("what is quartz", "a mineral", "Nothing of use here, only the Mona Lisa."),
]


@pytest.fixture
def raw(tmp_path):
    path = tmp_path / "nq.jsonl"
    io.write(path, ROWS)
    return path


def test_the_best_passages_of_the_whole_set_come_first(raw):
    [first, tower] = retrieval.contexts("bm25", NQ, raw, 3)(
        [ROWS[0]["question"], ROWS[2]["question"]]
    )
    assert first[0] == ROWS[0]["ctxs"][0]["text"]
    assert len(first) == 3
    assert tower == [ROWS[2]["ctxs"][0]["text"]]


def test_passages_without_a_word_of_the_question_are_left_out(raw):
    assert retrieval.contexts("bm25", NQ, raw, 3)(["what is quartz"]) == [[]]


def test_no_more_passages_are_asked_for_than_there_are(raw):
    assert len(retrieval.contexts("bm25", NQ, raw, 50)(["mona lisa"])[0]) == 3


def test_the_mention_filter_judges_what_was_retrieved(raw):
    contexts = retrieval.contexts("bm25", NQ, raw, 1)
    kept = filter_rows([(f"f:{n}", row) for n, row in enumerate(ROWS, 1)], NQ, 5, contexts)
    assert len(kept.kept) == 2
    assert all(json.loads(row.line)["shared_passages"] for row in kept.kept)
    assert kept.dropped == {"no passage": 1, "gold answer in no passage": 1}


def test_published_contexts_and_ranked_ones_are_left_alone(raw):
    assert retrieval.contexts("published", NQ, raw, 5) is None
    assert retrieval.contexts("bm25", registry.entry("ms_marco"), raw, 5) is None


@pytest.mark.parametrize("texts", [[" "], ["!!!"], ["a b", "c"], ["the of and"]])
def test_a_set_without_a_passage_that_holds_words_is_an_error(tmp_path, texts):
    io.write(tmp_path / "nq.jsonl", [row("q", "a", text) for text in texts])
    with pytest.raises(
        InputError, match="data set 'nq': data.retrieval: bm25 needs passages with words"
    ):
        retrieval.contexts("bm25", NQ, tmp_path / "nq.jsonl", 5)


def test_passages_and_questions_without_words_do_not_disturb_the_others(tmp_path):
    io.write(tmp_path / "nq.jsonl", [*ROWS, row("?", "a", "!!!"), row("the", "a", "a b")])
    contexts = retrieval.contexts("bm25", NQ, tmp_path / "nq.jsonl", 2)
    tower = "how tall is the eiffel tower"
    assert contexts(["?", tower, ""]) == [[], [ROWS[2]["ctxs"][0]["text"]], []]


@pytest.mark.parametrize(
    ("question", "passage", "other"),
    [
        ("где Москва", "Москва стоит на реке.", "Берлин стоит на реке."),
        ("北京在哪里", "北京是首都。", "巴黎很美。"),
        ("दिल्ली कहाँ", "दिल्ली एक नगर है।", "पेरिस एक नगर है।"),
    ],
)
def test_passages_of_any_script_are_found(tmp_path, question, passage, other):
    io.write(tmp_path / "nq.jsonl", [row("q", "a", other), row(question, "a", passage)])
    contexts = retrieval.contexts("bm25", NQ, tmp_path / "nq.jsonl", 1)
    assert contexts([question]) == [[passage]]

"""Published rows, one of each shape, as records."""

import json

import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.data.datasets import mrqa, registry
from reset.data.datasets.spec import check, row_format
from reset.data.records.build_records import filter_rows
from reset.data.sources.origins import ORIGINS
from reset.text.rouge import rouge_l


def mapped(name, row):
    entry = registry.entry(name)
    shape = row_format(entry, row, "f:1")
    check(row, shape.columns, "f:1")
    return shape.record(row)


def reasons(name, *rows, inputs="keep"):
    """Why each row is dropped (None: kept), by the whole filter stage."""
    entry = registry.entry(name) if inputs == "keep" else registry.entry(name).without_inputs()
    result = []
    for row in rows:
        filtered = filter_rows([("f:1", row)], entry, 5)
        result.append(next(iter(filtered.dropped), None))
    return result


def test_every_published_set_has_an_entry_and_an_origin():
    assert list(registry.ENTRIES) == [
        "dolly",
        "sharegpt",
        "self_instruct",
        "oasst1",
        "alpaca",
        "vicuna_eval",
        "koala_eval",
        "nq",
        "ms_marco",
        "cnn_dailymail",
        "bioasq",
        "searchqa",
        "wikisum",
    ]
    assert ORIGINS.keys() == registry.ENTRIES.keys()
    with pytest.raises(InputError, match="data.datasets.squad"):
        registry.entry("squad")


# ---- instruction following
# --------------------------------------------------------------------------------------

DOLLY = {"instruction": "Name a fruit", "context": "", "response": "Apple", "category": "open_qa"}


def test_dolly_rows_with_a_context_are_dropped_whatever_their_category():
    assert mapped("dolly", DOLLY)["references"] == ["Apple"]
    with_context, blank = (
        DOLLY | {"context": "Apples are fruit."},
        DOLLY | {"context": " \n", "category": "closed_qa"},
    )
    no_context = DOLLY | {"context": None}
    assert reasons("dolly", DOLLY, with_context, blank, no_context) == [
        None,
        "has a context",
        None,
        None,
    ]
    assert reasons("dolly", DOLLY | {"instruction": " "}) == ["empty instruction"]
    assert reasons("dolly", DOLLY | {"response": "\n"}) == ["empty response"]


@pytest.mark.parametrize("category", ["closed_qa", "information_extraction", "summarization"])
def test_dolly_rows_that_ask_about_a_text_they_lack_are_requests_with_input(category):
    bare = DOLLY | {"category": category}
    reason = f"of the category {category}, without a context"
    assert reasons("dolly", bare, DOLLY, inputs="drop") == [reason, None]
    assert reasons("dolly", bare) == [None]
    with_context = bare | {"context": "Apples are fruit."}
    assert reasons("dolly", with_context, inputs="drop") == ["has a context"]


def chat(*turns, native="aBc_0"):
    return {"id": native, "conversations": [{"from": who, "value": text} for who, text in turns]}


LONG, SHORT = " ".join(["word"] * 11), " ".join(["word"] * 10)


def test_sharegpt_gives_the_first_exchange():
    row = chat(("human", "hi"), ("gpt", LONG), ("human", "more"), ("gpt", "no"))
    assert (mapped("sharegpt", row)["instruction"], mapped("sharegpt", row)["references"]) == (
        "hi",
        [LONG],
    )


def test_sharegpt_responses_are_longer_than_ten_words():
    assert reasons("sharegpt", chat(("human", "hi"), ("gpt", SHORT))) == [
        "response of 10 words or fewer"
    ]
    assert reasons("sharegpt", chat(("human", "hi"), ("gpt", LONG))) == [None]


def test_sharegpt_chats_without_an_opening_exchange_are_dropped():
    no_exchange = "no human turn followed by a reply at the start"
    wrong = [
        chat(),
        chat(("gpt", LONG)),
        chat(("human", "hi")),
        chat(("human", "hi"), ("human", "ho"), ("gpt", LONG)),
    ]
    assert reasons("sharegpt", *wrong) == [no_exchange] * 4
    assert reasons("sharegpt", chat(("human", "hi"), ("gpt", LONG), native="aBc_3")) == [
        "starts in the middle of a chat"
    ]
    assert reasons("sharegpt", chat(("human", ""), ("gpt", LONG))) == ["empty instruction"]
    assert reasons("sharegpt", chat(("human", "hi"), ("gpt", LONG), native="plain")) == [None]


@pytest.mark.parametrize(
    ("prompt", "clean"),
    [
        ("Task: Write a haiku.\n\nOutput:", "Write a haiku."),
        ("Write a haiku. Output:", "Write a haiku."),
        ("Write it.\nInput: spring\nOutput:", "Write it.\nInput: spring"),
        ("Write a haiku.\n\n", "Write a haiku."),
        ("Describe the Output: field of a form", "Describe the Output: field of a form"),
    ],
)
def test_self_instruct_loses_the_marks_of_its_templates(prompt, clean):
    record = mapped("self_instruct", {"prompt": prompt, "completion": " Petals fall<|endoftext|>"})
    assert (record["instruction"], record["references"]) == (clean, ["Petals fall"])


def test_self_instruct_rows_without_text_are_dropped():
    empty = {"prompt": "Task: x\nOutput:", "completion": " <|endoftext|>"}
    assert reasons("self_instruct", empty, {"prompt": "Task: \nOutput:", "completion": "y"}) == [
        "empty response",
        "empty instruction",
    ]


def test_self_instruct_requests_with_a_marked_input_are_requests_with_input():
    marked = {"prompt": "Write it.\nInput: spring\nOutput:", "completion": "Petals"}
    inline = marked | {"prompt": "Describe the Input: field. Output:"}
    assert reasons("self_instruct", marked, inline, inputs="drop") == ["has an input", None]
    assert reasons("self_instruct", marked) == [None]


def message(**change):
    return {
        "message_id": "m2",
        "parent_id": "m1",
        "asked": "Why?",
        "text": "Because.",
        "role": "assistant",
        "lang": "en",
        "deleted": False,
        "synthetic": False,
        "review_result": True,
        "review_count": 3,
        "labels": labels(0.75, 3),
    } | change


def labels(value, count):
    return {"name": ["spam", "quality"], "value": [0.9, value], "count": [5, count]}


def test_oasst_quality_is_strictly_above_one_half():
    assert reasons(
        "oasst1", message(labels=labels(0.5, 3)), message(labels=labels(0.500001, 3))
    ) == [
        "quality of 0.5 or less",
        None,
    ]


def test_oasst_raters_are_those_of_the_label_and_not_of_the_review():
    few = message(labels=labels(1.0, 1), review_count=9)
    enough = message(labels=labels(1.0, 2), review_count=0)
    assert reasons("oasst1", few, enough) == ["quality rated by fewer than 2", None]


def test_oasst_null_labels_count_as_not_rated():
    no_quality = {"name": ["spam"], "value": [0.0], "count": [3]}
    assert (
        reasons("oasst1", message(labels=None), message(labels=no_quality))
        == ["quality not rated"] * 2
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"role": "prompter"}, "a request, not a reply"),
        ({"asked": None}, "a reply deeper in the conversation"),
        ({"lang": "de"}, "not in English"),
        ({"deleted": True}, "deleted"),
        ({"synthetic": True}, "synthetic"),
        ({"review_result": False}, "rejected in review"),
        ({"review_result": None}, None),
        ({"tree_state": "aborted_low_grade"}, "of an unfinished conversation"),
        ({"text": " "}, "empty response"),
    ],
)
def test_oasst_replies_are_dropped_by_reason(change, reason):
    assert reasons("oasst1", message(**change)) == [reason]


def test_oasst_joins_replies_with_their_openings_in_tables_and_in_trees(tmp_path):
    opening = message(message_id="m1", parent_id=None, text="Why?", role="prompter")
    deeper = message(message_id="m3", parent_id="m2", text="And then?", role="prompter")
    table = [message(), deeper, opening]  # in whatever order
    for row in table:
        del row["asked"]
    question = {
        "message_id": "m3",
        "text": "And then?",
        "role": "prompter",
        "lang": "en",
        "replies": [],
    }
    reply = {
        "message_id": "m2",
        "text": "Because.",
        "role": "assistant",
        "lang": "en",
        "replies": [question],
    }
    reply["labels"] = {"quality": {"value": 0.75, "count": 3}}
    tree = {
        "message_id": "m1",
        "text": "Why?",
        "role": "prompter",
        "lang": "en",
        "replies": [reply],
    }
    trees = [{"message_tree_id": "m1", "tree_state": "ready_for_export", "prompt": tree}]
    entry = registry.entry("oasst1")
    for rows in (table, trees):
        io.write(tmp_path / "oasst1.jsonl", rows)
        kept = filter_rows(entry.read(tmp_path / "oasst1.jsonl"), entry, 5).kept
        assert [row.id for row in kept] == ["oasst1:m2"]
        assert b'"instruction": "Why?"' in kept[0].line


def test_an_opening_request_shares_its_id_with_no_other_message(tmp_path):
    opening = message(message_id="m1", parent_id=None, text="Why?", role="prompter")
    del opening["asked"]
    others = [opening | {"text": "How?"}, opening | {"parent_id": "m0", "role": "assistant"}]
    entry = registry.entry("oasst1")
    for other in others:
        for rows, line in (([opening, other], 2), ([other, opening], None)):
            io.write(tmp_path / "oasst1.jsonl", rows)
            place = f"oasst1.jsonl:{line}" if line else "oasst1.jsonl"
            with pytest.raises(InputError, match=f"{place}.*'m1' is also the id of the request"):
                list(entry.read(tmp_path / "oasst1.jsonl"))
    io.write(tmp_path / "oasst1.jsonl", [opening, opening])
    assert len(list(entry.read(tmp_path / "oasst1.jsonl"))) == 2


ALPACA = {"instruction": "Sort these.", "input": "3 1 2", "output": "1 2 3"}


def test_alpaca_input_follows_the_instruction_unless_it_is_a_placeholder():
    assert mapped("alpaca", ALPACA)["instruction"] == "Sort these.\n\n3 1 2"
    for placeholder in ("", " ", "Noinput", "<noinput>", "No input.", "<No Input>"):
        assert mapped("alpaca", ALPACA | {"input": placeholder})["instruction"] == "Sort these."


def test_alpaca_requests_with_an_input_can_be_dropped():
    placeholder = ALPACA | {"input": "<noinput>"}
    assert reasons("alpaca", ALPACA, placeholder, inputs="drop") == ["has an input", None]
    assert reasons("alpaca", ALPACA) == [None]


def test_vicuna_and_koala_rows_are_questions_without_references():
    assert (
        mapped("vicuna_eval", {"question_id": 7, "category": "x", "turns": ["Q", "Q2"]})[
            "instruction"
        ]
        == "Q"
    )
    assert mapped("vicuna_eval", {"question_id": 7, "category": "x", "text": "Q"})["native"] == "7"
    record = mapped("koala_eval", {"id": "koala_3", "prompt": "Q"})
    assert (record["native"], record["instruction"], record["references"]) == ("koala_3", "Q", [])
    assert reasons("vicuna_eval", {"question_id": 7, "turns": []}) == ["empty instruction"]


# ---- context-dependent
# ------------------------------------------------------------------------------------------

DPR = {
    "question": "who",
    "answers": ["Ada"],
    "ctxs": [{"title": "T", "text": "It was Ada."}, {"title": "", "text": "B"}],
}


def test_nq_comes_with_retrieved_passages_or_with_one_flat_context():
    assert mapped("nq", DPR)["context"] == ["T: It was Ada.", "B"]
    flat = {
        "context": "<P> It was <B> Ada . </P>",
        "question": "who",
        "answers": ["Ada"],
        "qid": "q1",
    }
    assert mapped("nq", flat)["context"] == ["It was <B> Ada ."]
    assert mapped("nq", flat)["native"] == "q1"


@pytest.mark.parametrize("name", ["nq", "bioasq", "searchqa"])
def test_ranked_passages_of_a_retriever_are_a_source_of_every_extractive_set(name):
    assert mapped(name, DPR)["context"] == ["T: It was Ada.", "B"]
    assert mapped(name, DPR)["references"] == ["Ada"]
    assert reasons(name, DPR) == [None]


def test_qa_rows_need_a_gold_answer_in_the_passages_that_are_shown():
    late = DPR | {
        "ctxs": (
            [{"title": "", "text": f"passage {n}"} for n in range(5)]
            + [{"title": "", "text": "Ada"}]
        )
    }
    assert reasons(
        "nq", DPR, late, DPR | {"answers": [""]}, DPR | {"ctxs": []}, DPR | {"question": ""}
    ) == [
        None,
        "gold answer in no passage",
        "no gold answer",
        "no passage",
        "empty question",
    ]


def test_a_flat_context_of_many_documents_is_parted():
    flat = "[DOC] [TLE] One [PAR] first\ntext [DOC] [TLE] Two [PAR] second [DOC] untitled"
    assert mrqa.passages(flat) == ["", "One: first text", "Two: second", "untitled"]


def test_tags_of_tables_go_with_their_attributes_and_other_angle_brackets_stay():
    table = (
        '<Table> <Tr> <Th_colspan="2"> Eiffel tower </Th> </Tr> <Tr> <Td_rowspan="2"> 330 <m> </Td>'
        " </Tr> </Table>"
    )
    assert mrqa.passages(table) == ["Eiffel tower 330 <m>"]


MARCO = {
    "query_id": 5,
    "query": "what is it",
    "answers": ["It is so."],
    "wellFormedAnswers": ["It is so, really."],
    "passages": {"is_selected": [0, 1], "passage_text": ["nothing", "the source"]},
    "query_type": "DESCRIPTION",
}


def test_ms_marco_references_are_the_well_formed_answers_alone():
    record = mapped("ms_marco", MARCO)
    assert record["references"] == ["It is so, really."]
    tall = MARCO | {"answers": ["five feet"], "wellFormedAnswers": ["The man is five feet tall."]}
    references = tuple(mapped("ms_marco", tall)["references"])
    assert round(rouge_l("five feet", references), 6) == 0.5
    assert record["context"] == ["nothing", "the source"]


def test_ms_marco_rows_need_a_well_formed_answer():
    none = "no well-formed answer"
    rows = [
        MARCO | {"wellFormedAnswers": value} for value in ([], [" "], "[]", ["No Answer Present."])
    ]
    assert reasons("ms_marco", MARCO, *rows) == [None, none, none, none, none]


def test_ms_marco_rows_need_a_selected_passage_or_a_mention_among_the_five():
    def with_passages(marks, texts):
        return MARCO | {"passages": {"is_selected": marks, "passage_text": texts}}

    sixth = with_passages([0, 0, 0, 0, 0, 1], ["a1", "b2", "c3", "d4", "e5", "f6"])
    mention = with_passages([0, 0], ["x", "surely: it is so, really."])
    neither = with_passages([0], ["x"])
    unsupported = "no passage supports an answer"
    assert reasons("ms_marco", sixth, mention, neither) == [unsupported, None, unsupported]


def test_ms_marco_rows_say_which_of_the_passages_shown_support_an_answer():
    passages = {
        "is_selected": [0, 1, 0, 1],
        "passage_text": ["nothing", " the source ", "x", "another"],
    }
    [kept] = filter_rows(
        [("f:1", MARCO | {"passages": passages})], registry.entry("ms_marco"), 3
    ).kept
    assert json.loads(kept.line)["sources"] == ["the source"]


def test_ms_marco_without_an_answer_has_no_reference():
    row = MARCO | {"answers": ["No Answer Present."], "wellFormedAnswers": "[]"}
    assert mapped("ms_marco", row)["references"] == []


def test_ms_marco_passages_may_be_objects_as_in_the_publishers_files():
    raw = [{"is_selected": 1, "passage_text": "the source", "url": "u"}]
    assert mapped("ms_marco", MARCO | {"passages": raw})["sources"] == ["the source"]


def test_cnn_highlights_become_one_line_of_sentences():
    row = {
        "id": "f00",
        "article": "Long text.",
        "highlights": "One thing happened .\nThen e.g. 3.5 . Another came .",
    }
    assert mapped("cnn_dailymail", row)["references"] == [
        "One thing happened. Then e.g. 3.5. Another came."
    ]
    assert reasons("cnn_dailymail", row | {"article": " "}, row | {"highlights": ""}) == [
        "empty document",
        "empty summary",
    ]


BIOASQ = {
    "id": "b1",
    "body": "Which?",
    "type": "factoid",
    "exact_answer": [["XIa", "eleven"]],
    "snippets": [{"text": "Factor XIa is inhibited."}],
}


def test_bioasq_answers_are_flattened_and_other_kinds_of_question_dropped():
    assert mapped("bioasq", BIOASQ)["references"] == ["XIa", "eleven"]
    lists = BIOASQ | {"type": "list", "exact_answer": [["a"], ["b", "c"]]}
    assert mapped("bioasq", lists)["references"] == ["a", "b", "c"]
    yesno = BIOASQ | {"type": "yesno", "exact_answer": "yes"}
    summary = {key: value for key, value in BIOASQ.items() if key != "exact_answer"} | {
        "type": "summary"
    }
    assert reasons("bioasq", BIOASQ, yesno, summary) == [
        None,
        "a yesno question",
        "a summary question",
    ]


def test_searchqa_answers_lose_what_may_be_left_out_and_null_snippets_are_skipped():
    row = {
        "id": 19,
        "question": "No. 10",
        "answer": "(Lou) Gehrig",
        "search_results": [
            {"title": "A", "snippet": None},
            {"title": "B", "snippet": "it was Gehrig"},
        ],
    }
    record = mapped("searchqa", row)
    assert record["references"] == ["(Lou) Gehrig", "Gehrig"]
    assert record["context"] == ["B: it was Gehrig"]
    table = row | {
        "search_results": {"titles": ["A", "B"], "snippets": [None, "it was Gehrig"], "urls": []}
    }
    assert mapped("searchqa", table)["context"] == ["B: it was Gehrig"]


def test_wikisum_rows_are_articles_with_summaries():
    row = {"url": "u", "title": "t", "article": "Do it.", "summary": "It.", "step_headers": ""}
    assert mapped("wikisum", row)["context"] == ["Do it."]
    assert reasons("wikisum", row | {"summary": ""}) == ["empty summary"]

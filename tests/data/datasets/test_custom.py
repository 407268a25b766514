import json

import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.data.datasets import custom
from reset.data.records import parallel_jsonl, retrieval
from reset.data.records.build_records import filter_rows
from reset.data.sources.dataset_config import OwnSource


def own(task, columns):
    return OwnSource(task, columns, "mine.jsonl")


def kept(file, *rows):
    result = filter_rows(
        [(f"mine.jsonl:{n}", row) for n, row in enumerate(rows, 1)], custom.entry("mine", file), 5
    )
    return [row.id for row in result.kept], dict(result.dropped)


QA = own(
    "extractive_qa",
    {"id": "nr", "question": "ask", "context": "text", "references": "gold"},
)
ROW = {"nr": 1, "ask": "How?", "text": ["first", "by hand"], "gold": "by hand"}


def test_columns_go_where_the_mapping_says():
    assert kept(QA, ROW) == (["mine:1"], {})
    record = custom.entry("mine", QA).shapes[0].record(ROW)
    assert (record["question"], record["context"], record["references"]) == (
        "How?",
        ["first", "by hand"],
        ["by hand"],
    )


def test_the_filters_of_the_task_apply():
    assert kept(QA, ROW | {"gold": "by foot"}) == ([], {"gold answer in no passage": 1})
    summaries = own("summarization", {"context": "text", "references": "gold"})
    assert kept(summaries, ROW | {"text": ""}, ROW) == (
        [kept(summaries, ROW)[0][0]],
        {"empty document": 1},
    )
    free = own("abstractive_qa", QA.columns)
    assert kept(free, ROW | {"gold": "in one's own words"}) == (["mine:1"], {})


@pytest.mark.parametrize("task", custom.FORMS)
def test_every_task_goes_with_retrieval(tmp_path, task):
    raw = tmp_path / "mine.jsonl"
    rows = [
        {
            "instruction": f"Do {n}",
            "question": f"who is person{n}",
            "context": f"person{n} is Ada",
            "references": "Ada",
        }
        for n in range(9)
    ]
    io.write(raw, rows)
    needed = custom.FORMS[task][0].needed
    entry = custom.entry("mine", own(task, {column: column for column in needed}))
    contexts = retrieval.contexts("bm25", entry, raw, 5)
    assert (contexts is not None) == (task in ("extractive_qa", "abstractive_qa"))
    result = filter_rows(parallel_jsonl.numbered(raw), entry, 5, contexts)
    assert (len(result.kept), dict(result.dropped)) == (9, {})
    passages = [json.loads(row.line)["context"] for row in result.kept]
    assert passages == ([[]] * 9 if task == "instruction" else [[row["context"]] for row in rows])


def test_instruction_rows_may_come_without_references_for_evaluation():
    file = own("instruction", {"instruction": "text"})
    assert len(kept(file, {"text": "Do it."}, {"text": " "})[0]) == 1
    assert custom.entry("mine", file).unanswered
    assert not custom.entry("mine", QA).unanswered


def test_a_context_row_may_bring_its_own_instruction():
    file = own("extractive_qa", QA.columns | {"instruction": "how"})
    assert (
        custom.entry("mine", file).shapes[0].record(ROW | {"how": "In French."})["instruction"]
        == "In French."
    )


@pytest.mark.parametrize(
    ("task", "columns", "message"),
    [
        (
            "extractive_qa",
            {"question": "q", "context": "c"},
            "names no column for 'references', which extractive_qa",
        ),
        ("instruction", {"references": "r"}, "names no column for 'instruction'"),
        (
            "summarization",
            {"context": "c", "references": "r", "title": "t"},
            r"columns\.title' is unknown",
        ),
        (
            "instruction",
            {"instruction": "i", "question": "input", "references": "r"},
            r"columns\.question' would be dropped: instruction rows with instruction use"
            " instruction, id, input, references; map 'input' to one of these",
        ),
        (
            "instruction",
            {"messages": "m", "references": "r"},
            "references' would be dropped: instruction rows with messages use messages, id",
        ),
        (
            "summarization",
            {"context": "c", "references": "r", "question": "q"},
            r"columns\.question' would be dropped",
        ),
        ("summarization", {"messages": "m", "context": "c"}, "no column for 'references'"),
        (
            "extractive_qa",
            {"question": "q", "context": "c", "references": "r", "input": "i"},
            r"columns\.input' would be dropped",
        ),
        (
            "summarization",
            {"context": "c", "references": "c"},
            "maps the column 'c' to context and to references",
        ),
    ],
)
def test_a_mapping_that_cannot_serve_is_named(task, columns, message):
    with pytest.raises(InputError, match=message):
        custom.entry("mine", own(task, columns))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": 5}, r"mine\.jsonl:1: field 'text': expected a text or a list of texts, got 5"),
        ({"gold": ["a", None]}, r"mine\.jsonl:1: field 'gold'"),
        ({"nr": None}, r"mine\.jsonl:1: field 'nr': expected a text or a whole number, got null"),
        ({"nr": 1.0}, r"mine\.jsonl:1: field 'nr': expected a text or a whole number, got 1\.0"),
        ({"ask": ["a"]}, r"mine\.jsonl:1: field 'ask' is list; str is expected"),
        (
            {"text": "x" * 10_000_000},
            r"mine\.jsonl:1: field 'text' holds 10,000,000 characters; at most 4,000,000",
        ),
        (
            {"text": ["a", "x" * 10_000_000]},
            r"mine\.jsonl:1: field 'text\[1\]' holds 10,000,000 characters",
        ),
        ({"nr": "x" * 10_000_000}, r"mine\.jsonl:1: field 'nr' holds 10,000,000 characters"),
    ],
)
def test_a_wrong_field_is_named(change, message):
    with pytest.raises(InputError, match=message):
        kept(QA, ROW | change)


def test_a_missing_column_is_named():
    with pytest.raises(InputError, match=r"mine\.jsonl:1: data set 'mine': no column 'gold'"):
        kept(QA, {key: value for key, value in ROW.items() if key != "gold"})


def test_the_input_of_an_instruction_follows_it():
    file = own("instruction", {"instruction": "do", "input": "given", "references": "out"})
    record = custom.entry("mine", file).shapes[0].record
    row = {"do": "Translate.", "given": "un chat", "out": "a cat"}
    assert record(row)["instruction"] == "Translate.\n\nun chat"
    assert record(row)["references"] == ["a cat"]
    for empty in ("", None):
        assert record(row | {"given": empty})["instruction"] == "Translate."
    assert kept(file, row | {"given": None})[1] == {}


def test_missing_texts_are_dropped_and_counted():
    assert kept(QA, ROW | {"gold": None}) == ([], {"no gold answer": 1})
    assert kept(QA, ROW | {"text": None}) == ([], {"no passage": 1})


CHAT = own("instruction", {"messages": "turns"})


def turns(*pairs):
    return {"turns": [{"role": role, "content": text} for role, text in pairs]}


def record_of(file, row):
    made = custom.entry("mine", file).shapes[0].record(row)
    return made["instruction"], made["question"], made["references"]


def test_the_last_assistant_turn_is_the_target_and_the_turns_before_it_the_request():
    one = turns(("user", "Name a fruit. "), ("assistant", "Apple"))
    assert record_of(CHAT, one) == ("Name a fruit.", "", ["Apple"])
    system = turns(("system", "Be brief."), ("user", "Name a fruit."), ("assistant", "Apple"))
    assert record_of(CHAT, system)[0] == "Be brief.\n\nName a fruit."
    several = turns(
        ("system", "Be brief."), ("user", "Name a fruit."), ("assistant", "Apple"),
        ("user", "Another."), ("assistant", "Pear"),
    )  # fmt: skip
    request = "Be brief.\n\nUser: Name a fruit.\n\nAssistant: Apple\n\nUser: Another."
    assert record_of(CHAT, several) == (request, "", ["Pear"])


def test_sharegpts_names_of_the_turns_are_read_too():
    row = {"turns": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}
    assert record_of(CHAT, row) == ("Hi", "", ["Hello"])


def test_messages_can_bring_question_and_answer_about_passages():
    file = own("extractive_qa", {"messages": "turns", "context": "text"})
    row = turns(("user", "Who?"), ("assistant", "Ada")) | {"text": ["Ada came."]}
    assert record_of(file, row) == ("", "Who?", ["Ada"])
    assert len(kept(file, row)[0]) == 1


def test_conversations_without_request_or_answer_are_dropped_and_counted():
    rows = [
        turns(("user", "Hi")),
        turns(("assistant", "Hello")),
        turns(),
        turns(("user", "Hi"), ("assistant", " ")),
    ]
    assert kept(CHAT, *rows) == ([], {"empty response": 2, "empty instruction": 2})


def test_conversations_with_tools_are_dropped_and_counted():
    calls = turns(("user", "Hi"), ("assistant", None), ("tool", ["3"]), ("assistant", "Three."))
    calls["turns"][1] = {"role": "assistant", "tool_calls": [{"id": "a"}]}  # without a text
    last = turns(("user", "Hi"), ("assistant", "Let me look."))
    last["turns"][1]["tool_calls"] = [{"id": "a"}]
    sharegpt = {"turns": [{"from": "human", "value": "Hi"}, {"from": "observation", "value": "3"}]}
    assert kept(CHAT, calls, last, sharegpt) == ([], {"empty instruction": 3})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("Hi", "field 'turns' is str; a list is expected"),
        (["Hi"], r"field 'turns\[0\]' is str; an object is expected"),
        ([{"role": "user"}], r"field 'turns\[0\]' has no 'content'"),
        ([{"role": "user", "content": None}], r"field 'turns\[0\].content' is null; str"),
        (
            [{"role": "user", "content": "a"}, {"role": "bot", "content": "b"}],
            r"mine\.jsonl:1: field 'turns\[1\].role': expected one of system, .*, got 'bot'",
        ),
    ],
)
def test_a_wrong_turn_is_named(given, message):
    with pytest.raises(InputError, match=message):
        kept(CHAT, {"turns": given})

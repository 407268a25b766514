import json

import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.data.datasets import custom
from reset.data.records import parallel_jsonl, retrieval
from reset.data.records.build_records import filter_rows
from reset.data.sources.dataset_config import OwnFile


def kept(file, *rows):
    result = filter_rows(
        [(f"mine.jsonl:{n}", row) for n, row in enumerate(rows, 1)], custom.entry("mine", file), 5
    )
    return [row.id for row in result.kept], dict(result.dropped)


QA = OwnFile(
    "mine.jsonl",
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
    summaries = OwnFile("mine.jsonl", "summarization", {"context": "text", "references": "gold"})
    assert kept(summaries, ROW | {"text": ""}, ROW) == (
        [kept(summaries, ROW)[0][0]],
        {"empty document": 1},
    )
    free = OwnFile("mine.jsonl", "abstractive_qa", QA.columns)
    assert kept(free, ROW | {"gold": "in one's own words"}) == (["mine:1"], {})


@pytest.mark.parametrize("task", custom.NEEDED)
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
    entry = custom.entry(
        "mine", OwnFile(str(raw), task, {column: column for column in custom.NEEDED[task]})
    )
    contexts = retrieval.contexts("bm25", entry, raw, 5)
    assert (contexts is not None) == (task in ("extractive_qa", "abstractive_qa"))
    result = filter_rows(parallel_jsonl.numbered(raw), entry, 5, contexts)
    assert (len(result.kept), dict(result.dropped)) == (9, {})
    passages = [json.loads(row.line)["context"] for row in result.kept]
    assert passages == ([[]] * 9 if task == "instruction" else [[row["context"]] for row in rows])


def test_instruction_rows_may_come_without_references_for_evaluation():
    file = OwnFile("mine.jsonl", "instruction", {"instruction": "text"})
    assert len(kept(file, {"text": "Do it."}, {"text": " "})[0]) == 1
    assert custom.entry("mine", file).unanswered
    assert not custom.entry("mine", QA).unanswered


def test_a_context_row_may_bring_its_own_instruction():
    file = OwnFile("mine.jsonl", "extractive_qa", QA.columns | {"instruction": "how"})
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
    ],
)
def test_a_mapping_that_cannot_serve_is_named(task, columns, message):
    with pytest.raises(InputError, match=message):
        custom.entry("mine", OwnFile("mine.jsonl", task, columns))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": 5}, r"mine\.jsonl:1: field 'text' is 5; a text or a list of texts"),
        ({"gold": ["a", None]}, r"mine\.jsonl:1: field 'gold'"),
        ({"nr": None}, r"mine\.jsonl:1: field 'nr' is null; a text or a number"),
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

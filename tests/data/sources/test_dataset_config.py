import sys

import pytest

from reset.core import params
from reset.core.errors import InputError
from reset.data.mixes import mixtures
from reset.data.prompts import render_prompts
from reset.data.records import build_records
from reset.data.sources.dataset_config import (
    DataSet,
    OwnSource,
    chosen,
    context_settings,
    own_source,
)

FILTERING = {"retrieval": "bm25", "passages": 5, "seed": 0, "rows_with_input": "drop"}
PROMPTING = {
    "templates": "paper",
    "overlong": "drop",
    "max_tokens": 9,
    "constraints": 0.0,
    "answer_tokens": 3,
}
PUBLISHED = {"source": "published", "train": None, "eval": 0}


def test_a_published_data_set_trains_unless_its_size_is_zero():
    assert chosen("nq", PUBLISHED) == DataSet("published", None, 0)
    assert chosen("nq", PUBLISHED).trains
    assert not chosen("nq", PUBLISHED | {"train": 0, "eval": 5}).trains


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": -1}, "data.datasets.nq.train.*-1"),
        ({"train": 0}, "leave the data set out"),
        ({"train": "many"}, "data.datasets.nq.train"),
        ({"source": "hub"}, "data.datasets.nq.source.*expected published or"),
        (
            {"source": {"path": "x", "task": "qa", "columns": {}}},
            "data.datasets.nq.source.task.*extractive_qa",
        ),
        (
            {"source": {"path": "x", "task": "summarization"}},
            "missing key 'data.datasets.nq.source.columns'",
        ),
        (
            {"source": {"task": "summarization", "columns": {}}},
            "'data.datasets.nq.source' must have either path or hub",
        ),
        (
            {"source": {"path": "x", "hub": "o/n", "task": "summarization", "columns": {}}},
            "'data.datasets.nq.source' must have either path or hub",
        ),
        (
            {"source": {"path": "x", "revision": "r", "task": "summarization", "columns": {}}},
            "'data.datasets.nq.source.revision' is for hub alone",
        ),
        (
            {
                "source": {
                    "hub": "o/n",
                    "splits": {"dev": "d"},
                    "task": "summarization",
                    "columns": {},
                }
            },
            "'data.datasets.nq.source.splits': expected",
        ),
        ({"retrieval": "dense"}, "data.datasets.nq.retrieval"),
        ({"rows": 3}, "unknown key 'data.datasets.nq.rows'"),
    ],
)
def test_a_wrong_setting_is_named(change, message):
    with pytest.raises(InputError, match=message):
        chosen("nq", PUBLISHED | change)


def test_a_file_of_ones_own_is_described_by_path_task_and_columns():
    source = {
        "path": "mine.jsonl",
        "task": "summarization",
        "columns": {"context": "text", "references": "summary"},
    }
    columns = source["columns"]
    assert own_source("mine", source) == OwnSource("summarization", columns, "mine.jsonl")
    assert own_source("nq", "published") is None


def test_own_passages_stay_unless_the_data_set_asks_for_retrieval():
    mine = OwnSource("extractive_qa", {}, "mine.jsonl")
    published = DataSet("published", None, 0)
    bm25 = DataSet("published", None, 0, "bm25")
    five = {"retrieval": "bm25", "passages": 5}
    everything = {"retrieval": "published", "passages": sys.maxsize}
    assert context_settings(published, mine, "bm25", 5) == everything
    assert context_settings(bm25, mine, "published", 5) == five
    assert context_settings(published, None, "bm25", 5) == five
    assert context_settings(bm25, None, "published", 5) == five
    kept = DataSet("published", None, 0, "published")
    assert context_settings(kept, None, "bm25", 5) == {"retrieval": "published", "passages": 5}


@pytest.mark.parametrize(
    ("settings", "values", "message"),
    [
        (
            build_records.FilterSettings,
            FILTERING | {"retrieval": "dense"},
            "data.retrieval': expected 'published' or 'bm25', got 'dense'",
        ),
        (
            build_records.FilterSettings,
            FILTERING | {"passages": 0},
            "data.passages",
        ),
        (
            build_records.FilterSettings,
            FILTERING | {"rows_with_input": "some"},
            "data.rows_with_input': expected 'drop' or 'keep', got 'some'",
        ),
        (mixtures.MixSettings, {"ngram": 0, "dev": 5, "seed": 0}, "data.ngram"),
        (mixtures.MixSettings, {"ngram": 13, "dev": "few", "seed": 0}, "data.dev"),
        (
            render_prompts.PromptSettings,
            PROMPTING | {"overlong": "cut"},
            "data.overlong.*trim_context",
        ),
        (render_prompts.PromptSettings, PROMPTING | {"max_tokens": 0}, "data.max_tokens"),
        (
            render_prompts.PromptSettings,
            PROMPTING | {"constraints": 1.5},
            "data.constraints': expected at most 1, got 1.5",
        ),
        (
            render_prompts.PromptSettings,
            PROMPTING | {"answer_tokens": 9},
            "data.max_tokens.*no room is left for a prompt",
        ),
    ],
)
def test_a_wrong_setting_of_a_stage_is_named(settings, values, message):
    with pytest.raises(InputError, match=message):
        params.build(settings, values, "data")

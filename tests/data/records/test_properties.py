"""For any text: no filter and no template raises, and every kept row is whole in its prompt."""

import json
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reset.data.datasets import registry
from reset.data.prompts import templates
from reset.data.prompts.render_prompts import target
from reset.data.prompts.truncation import SPECIAL_TOKENS, TokenCounter, fit
from reset.data.records.build_records import filter_rows

TEXT = st.text() | st.sampled_from(
    ["{input}", "### Response:", "Output:", "[DOC] [TLE] a [PAR] b", "the", "\u2028", "\0"]
)
TEXTS = st.lists(TEXT, max_size=7)
LISTED = TEXTS | st.just("[]")
NUMBERS = st.integers(0, 9)


@st.composite
def table(draw, **kinds):
    """An object of lists that are equally long."""
    count = draw(st.integers(0, 7))
    return {
        name: draw(st.lists(kind, min_size=count, max_size=count)) for name, kind in kinds.items()
    }


LABELS = table(name=st.just("quality") | TEXT, value=st.floats(0, 1), count=NUMBERS)
MRQA = st.fixed_dictionaries({"context": TEXT, "question": TEXT, "answers": TEXTS, "qid": TEXT})
ROWS = {
    "dolly": st.fixed_dictionaries({"instruction": TEXT, "context": TEXT, "response": TEXT}),
    "sharegpt": st.fixed_dictionaries(
        {
            "id": TEXT,
            "conversations": st.lists(
                st.fixed_dictionaries(
                    {"from": st.sampled_from(["human", "gpt", "system"]), "value": TEXT}
                ),
                max_size=3,
            ),
        }
    ),
    "self_instruct": st.fixed_dictionaries({"prompt": TEXT, "completion": TEXT}),
    "oasst1": st.fixed_dictionaries(
        {
            "message_id": TEXT,
            "parent_id": TEXT,
            "asked": TEXT,
            "text": TEXT,
            "role": st.just("assistant"),
            "lang": st.just("en"),
            "deleted": st.just(False),
            "synthetic": st.just(False),
            "review_result": st.none() | st.booleans(),
            "labels": st.none() | LABELS,
        }
    ),
    "alpaca": st.fixed_dictionaries({"instruction": TEXT, "input": TEXT, "output": TEXT}),
    "vicuna_eval": st.fixed_dictionaries({"question_id": NUMBERS, "turns": TEXTS})
    | st.fixed_dictionaries({"question_id": NUMBERS, "text": TEXT}),
    "koala_eval": st.fixed_dictionaries({"id": TEXT, "prompt": TEXT}),
    "nq": MRQA
    | st.fixed_dictionaries(
        {
            "question": TEXT,
            "answers": TEXTS,
            "ctxs": st.lists(
                st.fixed_dictionaries({"title": st.none() | TEXT, "text": TEXT}), max_size=7
            ),
        }
    ),
    "ms_marco": st.fixed_dictionaries(
        {
            "query_id": NUMBERS,
            "query": TEXT,
            "answers": LISTED,
            "wellFormedAnswers": LISTED,
            "passages": table(is_selected=st.integers(0, 1), passage_text=TEXT)
            | st.lists(
                st.fixed_dictionaries({"is_selected": st.integers(0, 1), "passage_text": TEXT}),
                max_size=7,
            ),
        }
    ),
    "cnn_dailymail": st.fixed_dictionaries({"id": TEXT, "article": TEXT, "highlights": TEXT}),
    "bioasq": MRQA
    | st.fixed_dictionaries(
        {
            "id": TEXT,
            "body": TEXT,
            "type": st.sampled_from(["factoid", "list", "yesno"]),
            "exact_answer": TEXT | st.lists(TEXTS) | st.none(),
            "snippets": st.lists(st.fixed_dictionaries({"text": TEXT}), max_size=7),
        }
    ),
    "searchqa": MRQA
    | st.fixed_dictionaries(
        {
            "id": NUMBERS,
            "question": TEXT,
            "answer": TEXT,
            "search_results": table(snippets=st.none() | TEXT, titles=TEXT)
            | st.lists(
                st.fixed_dictionaries({"snippet": st.none() | TEXT, "title": st.none() | TEXT}),
                max_size=7,
            ),
        }
    ),
    "wikisum": st.fixed_dictionaries({"url": TEXT, "article": TEXT, "summary": TEXT}),
}
PAPER = templates.load("paper")


@pytest.mark.parametrize("name", registry.ENTRIES)
@settings(max_examples=60)
@given(st.data())
def test_any_text_is_filtered_and_rendered_whole(name, data):
    row = data.draw(ROWS[name])
    result = filter_rows([("f:1", row)], registry.entry(name), 5)
    assert len(result.kept) + sum(result.dropped.values()) == 1
    for kept in result.kept:
        record = json.loads(kept.line)
        prompt = PAPER.render(record)
        assert prompt.endswith("\n\n### Response:")
        assert PAPER.instruction(record) in prompt
        assert record["question"] in prompt
        assert all(passage in prompt for passage in record["context"])
        assert len(record["context"]) <= 5


@pytest.mark.parametrize("name", ["nq", "ms_marco", "cnn_dailymail"])
@settings(max_examples=60)
@given(st.data())
def test_usable_rows_of_any_text_are_kept(name, data):
    """The property above would hold of filters that drop everything; here rows are made to pass."""
    gold = data.draw(st.text("abcdefgh", min_size=1).map(lambda word: f"{word}x"))
    # a slash or hyphen at the edge of any text joins the word beside it
    text = f"{data.draw(TEXT)} here {gold} there {data.draw(TEXT)}"
    row = {
        "nq": {
            "question": "q" + data.draw(TEXT),
            "answers": [gold],
            "ctxs": [{"title": None, "text": text}],
        },
        "ms_marco": {
            "query_id": 1,
            "query": "q" + data.draw(TEXT),
            "answers": [],
            "wellFormedAnswers": [gold],
            "passages": {"is_selected": [1], "passage_text": [text]},
        },
        "cnn_dailymail": {"id": "i", "article": text, "highlights": gold},
    }[name]
    [kept] = filter_rows([("f:1", row)], registry.entry(name), 5).kept
    assert json.loads(kept.line)["references"][0] == gold


@lru_cache
def counter(folder):
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(
        models.BPE({c: n for n, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, [])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    return TokenCounter(str(folder / "tokenizer.json"))


@settings(max_examples=60)
@given(context=st.lists(st.text(min_size=1), min_size=1, max_size=5), room=st.integers(1, 60))
def test_trimming_any_text_keeps_the_limit_and_the_rest_whole(tmp_path_factory, context, room):
    row = {
        "task": "summarization",
        "instruction": "",
        "question": "Which {input}?",
        "context": context,
        "references": ["It is."],
    }
    count = counter(tmp_path_factory.getbasetemp())
    limit = sum(count.counts([PAPER.render(row, ["x"]), "It is."])) + SPECIAL_TOKENS + room
    shorter = fit(row, PAPER, count, limit)
    if shorter is None:
        return  # the first character alone is longer than the room
    prompt = PAPER.render(row, shorter)
    assert sum(count.counts([prompt, target(row)])) + SPECIAL_TOKENS <= limit
    assert prompt.endswith("\nWhich {input}?\n\n### Response:")
    assert all(full.startswith(short) for short, full in zip(shorter, context, strict=False))

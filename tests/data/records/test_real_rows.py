"""Real rows, file by file: what is kept and dropped by the project's code and by a second count.

The second count is written from the description of the data sets and shares no code with src/. The
rows lie beside the project and are no part of it (several licences forbid that); without them these
tests are skipped. `python -m tests.data.records.test_real_rows` prints the table of docs/data.md.
"""

import json
import re
import string
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from reset.core.errors import InputError
from reset.data.datasets import registry
from reset.data.records import parallel_jsonl, retrieval
from reset.data.records.build_records import filter_rows

FOLDER = Path("../shared/data")
FILES = {
    "dolly": "dolly",
    "sharegpt": "sharegpt",
    "sharegpt_fastchat_dummy": "sharegpt",
    "self_instruct": "self_instruct",
    "oasst1": "oasst1",
    "oasst_not_ready": "oasst1",
    "oasst1_trees_unlabelled": "oasst1",
    "alpaca": "alpaca",
    "vicuna_eval": "vicuna_eval",
    "koala_eval": "koala_eval",
    "nq": "nq",
    "study/nq": "nq",
    "ms_marco": "ms_marco",
    "ms_marco_v1_1": "ms_marco",
    "cnn_dailymail": "cnn_dailymail",
    "bioasq": "bioasq",
    "searchqa": "searchqa",
    "searchqa_mrqa_flat": "searchqa",
    "study/alpaca": "alpaca",
}
needs_rows = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="no folder of real rows beside the project"
)


def ours(file, dataset, mode="published"):
    """Rows read, kept, and dropped by reason, by the project's code."""
    path, entry = FOLDER / f"{file}.jsonl", registry.entry(dataset).without_inputs()
    rows = entry.read(path) if entry.read else parallel_jsonl.numbered(path)
    result = filter_rows(rows, entry, 5, retrieval.contexts(mode, entry, path, 5))
    return result.read, len(result.kept), dict(result.dropped)


# ---- the second count
# -------------------------------------------------------------------------------------------


def flat(text):
    """Words of a text for the search for answers: hyphens and slashes join what stands beside them,
    and so does a possessive s; a dash between clauses parts words.
    """
    text = "".join(
        c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf"
    )
    text = re.sub(r" \u2013 |\u2014", " ", re.sub(r"\s+(['\u2019])s\b", r"\1s", text.lower()))
    text = re.sub(r"\s*[-/\u2013\u2212\u2010\u2044]\s*", "", text)
    kept = "".join(
        c for c in text if unicodedata.category(c)[0] != "P" and c not in string.punctuation
    )
    return [word for word in kept.split() if word not in ("a", "an", "the")]


def found(answers, passages):
    def inside(words, text):
        return any(text[i : i + len(words)] == words for i in range(len(text) - len(words) + 1))

    return any(flat(a) and inside(flat(a), flat(p)) for a in answers for p in passages)


def first_five(texts):
    return list(dict.fromkeys(t.strip() for t in texts if t.strip()))[:5]


def alpaca(row):
    words = re.sub(r"[<>.\s]", "", row["input"].lower())
    if words not in ("", "noinput", "n/a", "none"):
        return "has an input"
    return (
        "empty instruction"
        if not row["instruction"].strip()
        else ""
        if row["output"].strip()
        else "empty response"
    )


def sharegpt(row):
    turns = row["conversations"]
    if re.search(r"_[1-9]\d*$", row["id"]):
        return "starts in the middle of a chat"
    assert [turn["from"] for turn in turns[:2]] == ["human", "gpt"]  # in these files
    return "" if len(turns[1]["value"].split()) > 10 else "response of 10 words or fewer"


def ms_marco(row):
    if not any(text.strip() for text in row["wellFormedAnswers"]):
        return "no well-formed answer"
    texts, marks = row["passages"]["passage_text"], row["passages"]["is_selected"]
    shown = first_five(texts)
    selected = any(mark and text.strip() in shown for mark, text in zip(marks, texts, strict=True))
    return (
        ""
        if selected or found(row["wellFormedAnswers"], shown)
        else "no passage supports an answer"
    )


def bioasq(row):
    if row["type"] in ("yesno", "summary"):
        return f"a {row['type']} question"
    golds = [gold for synonyms in row["exact_answer"] for gold in synonyms]
    return (
        ""
        if found(golds, first_five(s["text"] for s in row["snippets"]))
        else "gold answer in no passage"
    )


def searchqa(row):
    if "context" in row:  # as MRQA has it
        golds, texts = row["answers"], row["context"].split("[DOC]")
    else:
        golds = [row["answer"], re.sub(r"\([^()]*\)", "", row["answer"])]
        texts = [
            f"{result['title']} : {result['snippet']}"
            for result in row["search_results"]
            if result["snippet"]
        ]
    return "" if found(golds, first_five(texts)) else "gold answer in no passage"


def oasst(rows):
    """Reasons for all messages of a table."""
    messages = {row["message_id"]: row for row in rows}
    for row in rows:
        asked = messages.get(row["parent_id"])
        quality = (
            dict(zip(row["labels"]["name"], row["labels"]["value"], strict=True))
            if row["labels"]
            else {}
        )
        raters = (
            dict(zip(row["labels"]["name"], row["labels"]["count"], strict=True))
            if row["labels"]
            else {}
        )
        if row["role"] == "prompter":
            yield "a request, not a reply"
        elif asked is None or asked["parent_id"] is not None:
            yield "a reply deeper in the conversation"
        elif row["lang"] != "en":
            yield "not in English"
        elif row["deleted"] or row["synthetic"]:
            yield "deleted" if row["deleted"] else "synthetic"
        elif row["review_result"] is False:
            yield "rejected in review"
        elif "quality" not in quality:
            yield "quality not rated"
        elif raters["quality"] < 2:
            yield "quality rated by fewer than 2"
        else:
            yield "" if quality["quality"] > 0.5 else "quality of 0.5 or less"


def branches(message, parent=None):
    yield message | {
        "parent_id": parent,
        "labels": message.get("labels"),
        "deleted": message.get("deleted"),
    }
    for reply in message["replies"]:
        yield from branches(reply, message["message_id"])


COUNTS = {
    "dolly": lambda row: "has a context" if row["context"].strip() else "",
    "sharegpt": sharegpt,
    "self_instruct": lambda row: "has an input" if "\nInput:" in row["prompt"] else "",
    "alpaca": alpaca,
    "vicuna_eval": lambda row: "",
    "koala_eval": lambda row: "",
    "nq": lambda row: (
        ""
        if found(row["answers"], [f"{c['title']}: {c['text']}" for c in row["ctxs"][:5]])
        else "gold answer in no passage"
    ),
    "ms_marco": ms_marco,
    "cnn_dailymail": lambda row: (
        "" if row["article"].strip() and row["highlights"].strip() else "empty"
    ),
    "bioasq": bioasq,
    "searchqa": searchqa,
}


@needs_rows
@pytest.mark.parametrize("file", FILES)
def test_kept_and_dropped_are_what_a_second_count_finds(file):
    rows = [json.loads(line) for line in open(FOLDER / f"{file}.jsonl", encoding="utf-8")]
    if FILES[file] == "oasst1":
        if "prompt" in rows[0]:
            rows = [message for tree in rows for message in branches(tree["prompt"])]
        reasons = list(oasst(rows))
    else:
        reasons = [COUNTS[FILES[file]](row) for row in rows]
    dropped = Counter(filter(None, reasons))
    assert ours(file, FILES[file]) == (len(rows), reasons.count(""), dropped)


@needs_rows
def test_no_mark_of_a_template_is_left_in_self_instruct():
    entry = registry.entry("self_instruct")
    for kept in filter_rows(parallel_jsonl.numbered(FOLDER / "self_instruct.jsonl"), entry, 5).kept:
        row = json.loads(kept.line)
        assert not row["instruction"].startswith("Task:") and not row["instruction"].endswith(
            "Output:"
        )
        assert "<|endoftext|>" not in row["references"][0]


@needs_rows
def test_questions_without_passages_are_refused():
    with pytest.raises(InputError, match=r"searchqa_qa_only\.jsonl:1: .*no column 'context'"):
        ours("searchqa_qa_only", "searchqa")


@needs_rows
def test_retrieval_puts_distractors_beside_the_gold_passage_and_loses_few_rows():
    read, kept, dropped = ours("study/nq", "nq", "bm25")
    assert kept + sum(dropped.values()) == read
    assert dropped.keys() == {"gold answer in no passage"}
    assert kept > 0.9 * read


def table():
    yield "| file | read | kept | dropped, by reason |\n|---|---|---|---|"
    for file, dataset in FILES.items():
        read, kept, dropped = ours(file, dataset)
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items())) or "–"
        yield f"| {file} | {read:,} | {kept:,} | {reasons} |"


if __name__ == "__main__":
    print("\n".join(table()))

"""Bad published rows: each error names file, line and field, and nothing is left half written."""

import json
import resource
from contextlib import contextmanager

import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.data.datasets import registry
from reset.data.prompts import render_prompts, templates
from reset.data.records import build_records
from reset.data.sources.dataset_config import DataSet

DOLLY = {"instruction": "Name a fruit", "context": "", "response": "Apple"}
MARCO = {
    "query_id": 1,
    "query": "q",
    "answers": ["a"],
    "wellFormedAnswers": ["A."],
    "passages": {"is_selected": [1], "passage_text": ["a"]},
}
OASST = {
    "message_id": "m",
    "parent_id": None,
    "text": "t",
    "role": "prompter",
    "lang": "en",
    "deleted": False,
    "synthetic": False,
    "review_result": None,
    "labels": None,
}
PUBLISHED = build_records.FilterSettings("published", 5, 0, "drop")
NQ = {"question": "q", "answers": ["a"], "ctxs": [{"title": "", "text": "a"}]}


def run(folder, name, content):
    """The filter stage's work on the bytes of a raw file."""
    (folder / f"{name}.jsonl").write_bytes(content)
    trains = None if name == "dolly" else 0
    sizes = DataSet("published", trains, 0 if name == "dolly" else None)
    return build_records.filter_file(
        folder / f"{name}.jsonl", folder / "out", registry.entry(name), sizes, PUBLISHED
    )


def tree(labels):
    prompt = {
        "message_id": "m",
        "text": "Why?",
        "role": "prompter",
        "lang": "en",
        "replies": [],
        "labels": labels,
    }
    return {"message_tree_id": "t", "prompt": prompt}


def lines(*rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def deep_tree(depth):
    """A tree of OASST-1 whose replies stand `depth` deep in each other, as a line."""
    message = '{"message_id": "%d", "text": "t", "role": "assistant", "lang": "en", "replies": ['
    opening = "".join(message % n for n in range(depth))
    return ('{"message_tree_id": "t", "prompt": ' + opening + "]}" * depth + "}\n").encode()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("dolly", lines(DOLLY) + b'{"instruction": "x",\n', r"dolly\.jsonl:2: not JSON"),
        ("dolly", lines(DOLLY) + b"[1]\n", r"dolly\.jsonl:2: a JSON object is expected"),
        ("dolly", lines(DOLLY) + b'{"instruction": "\xff"}\n', r"dolly\.jsonl:2: not UTF-8"),
        ("dolly", lines(DOLLY) + b'{"instruction": "\0"}\n', r"dolly\.jsonl:2: NUL byte"),
        (
            "dolly",
            lines(DOLLY) + b'{"instruction": "\\ud800"}\n',
            r"dolly\.jsonl:2: an unpaired surrogate",
        ),
        ("dolly", b"", r"dolly\.jsonl: the file holds no row"),
        ("dolly", b"\n \n", r"dolly\.jsonl: the file holds no row"),
        (
            "dolly",
            lines(DOLLY, {"instruction": "x"}),
            r"dolly\.jsonl:2: data set 'dolly': no column 'context'",
        ),
        ("dolly", lines(NQ), r"dolly\.jsonl:1: .*no column 'instruction'.*answers, ctxs, question"),
        (
            "dolly",
            lines(DOLLY | {"response": None}),
            r"dolly\.jsonl:1: field 'response' is null; str is expected",
        ),
        (
            "dolly",
            lines(DOLLY | {"response": 5}),
            r"dolly\.jsonl:1: field 'response' is int; str is expected",
        ),
        (
            "dolly",
            lines(DOLLY | {"response": "x" * 10_000_000}),
            r"jsonl:1: field 'response' holds 10,000,000 char",
        ),
        (
            "dolly",
            lines(DOLLY | {"split": None}),
            r"jsonl:1: field 'split' is null; one of train, validation, ",
        ),
        (
            "dolly",
            lines(DOLLY, DOLLY | {"split": "Train"}),
            r"dolly\.jsonl:2: field 'split' is \"Train\"; one of train",
        ),
        (
            "nq",
            lines(NQ | {"answers": "a"}),
            r"nq\.jsonl:1: field 'answers' is str; a list is expected",
        ),
        (
            "nq",
            lines(NQ | {"answers": ["a", None]}),
            r"nq\.jsonl:1: field 'answers\[1\]' is null; str is expected",
        ),
        (
            "nq",
            lines(NQ | {"ctxs": [{"title": ""}]}),
            r"nq\.jsonl:1: field 'ctxs\[0\]' has no 'text'",
        ),
        (
            "nq",
            lines(NQ | {"ctxs": {"text": "a"}}),
            r"nq\.jsonl:1: field 'ctxs' is dict; a list is expected",
        ),
        (
            "ms_marco",
            lines(MARCO | {"passages": "x"}),
            r"ms_marco\.jsonl:1: field 'passages' is str",
        ),
        (
            "ms_marco",
            lines(MARCO, MARCO | {"passages": {"is_selected": [1, 0], "passage_text": ["a"]}}),
            (
                r"ms_marco\.jsonl:2: field 'passages' holds lists of different lengths"
                r" \(is_selected: 2, passage_text: 1\)"
            ),
        ),
        (
            "ms_marco",
            lines(MARCO | {"query_id": "1"}),
            r"ms_marco\.jsonl:1: field 'query_id' is str; int is expected",
        ),
        (
            "ms_marco",
            lines(MARCO, MARCO | {"query": "r"}),
            r"ms_marco\.jsonl:2: this row has the id of .*jsonl:1 and",
        ),
        (
            "oasst1",
            lines(OASST | {"labels": []}),
            r"oasst1\.jsonl:1: field 'labels' is list; an object is expected",
        ),
        (
            "oasst1",
            lines(OASST | {"labels": {"name": []}}),
            r"oasst1\.jsonl:1: field 'labels' has no 'value'",
        ),
        ("oasst1", lines(DOLLY), r"oasst1\.jsonl:1: data set 'oasst1': no column 'message_id'"),
        (
            "oasst1",
            lines(tree({"quality": {"value": 0.7}})),
            r"jsonl:1: labels: field 'quality' has no 'count'",
        ),
        (
            "oasst1",
            lines(tree({"quality": 0.7})),
            r"oasst1\.jsonl:1: labels: field 'quality' is float; an object",
        ),
        ("oasst1", deep_tree(1) + deep_tree(1500), r"oasst1\.jsonl:2: nested too deep"),
        (
            "dolly",
            lines(DOLLY) + b'{"a": ' + b"1" * 5000 + b"}",
            r"dolly\.jsonl:2: a number has more than 4300 digits",
        ),
        (
            "dolly",
            lines(DOLLY, DOLLY | {"score": [float("nan")]}),
            r"dolly\.jsonl:2: field 'score' holds NaN or Inf",
        ),
        (
            "oasst1",
            lines({"message_tree_id": "t", "prompt": []}),
            r"oasst1\.jsonl:1: field 'prompt' is list",
        ),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(tmp_path, name, content, message):
    with pytest.raises(InputError, match=message):
        run(tmp_path, name, content)
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.jsonl"]


def test_a_deep_conversation_is_read_as_far_as_its_line_can_be(tmp_path):
    (tmp_path / "oasst1.jsonl").write_bytes(deep_tree(400))
    rows = [row for _, row in registry.entry("oasst1").read(tmp_path / "oasst1.jsonl")]
    assert [(row["message_id"], row["parent_id"]) for row in rows] == [
        (str(n), str(n - 1) if n else None) for n in range(400)
    ]


def test_null_labels_are_a_row_without_rating_and_no_error(tmp_path):
    reply = OASST | {"message_id": "r", "parent_id": "m", "role": "assistant"}
    with pytest.raises(InputError, match="dropped: 1 a request, not a reply, 1 quality not rated"):
        run(tmp_path, "oasst1", lines(OASST, reply))


def test_windows_line_ends_and_blank_lines_change_nothing(tmp_path):
    rows = [DOLLY | {"instruction": f"Name fruit {n}"} for n in range(5)]
    counts = run(tmp_path, "dolly", lines(*rows))
    plain = (tmp_path / "out/train.jsonl").read_bytes()
    assert run(tmp_path, "dolly", lines(*rows).replace(b"\n", b"\r\n\r\n")) == counts
    assert (tmp_path / "out/train.jsonl").read_bytes() == plain


@contextmanager
def full_disk(room):
    """Every file that grows beyond `room` bytes is refused, as on a disk without space."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_old_records_whole(tmp_path):
    run(tmp_path, "dolly", lines(DOLLY))
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    rows = [DOLLY | {"instruction": f"Name fruit {n}"} for n in range(500)]
    (tmp_path / "big.jsonl").write_bytes(lines(*rows))
    with full_disk(20_000), pytest.raises(InputError, match="out: cannot be written .*is whole"):
        sizes = DataSet("published", None, 0)
        build_records.filter_file(
            tmp_path / "big.jsonl", tmp_path / "out", registry.entry("dolly"), sizes, PUBLISHED
        )
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big.jsonl", "dolly.jsonl", "out"]


class Short:
    """Stands in for a tokenizer: no row is long."""

    def counts(self, texts):
        return [1] * len(texts)


def test_a_full_disk_leaves_the_old_prompts_whole(tmp_path):
    def prompt(source):
        settings = render_prompts.PromptSettings("paper", "raise", 10_000, 0.0, 10)
        return render_prompts.prompt_folder(
            source, tmp_path / "out", templates.load("paper"), Short(), settings
        )

    row = {
        "id": "dolly:1",
        "dataset": "dolly",
        "task": "instruction",
        "instruction": "i",
        "question": "",
        "context": [],
        "references": ["r"],
    }
    for folder, count in (("small", 1), ("big", 500)):
        io.write(
            tmp_path / folder / "train.jsonl", [row | {"id": f"dolly:{n}"} for n in range(count)]
        )
        io.write(tmp_path / folder / "eval.jsonl", [])
    prompt(tmp_path / "small")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with full_disk(20_000), pytest.raises(InputError, match="out: cannot be written"):
        prompt(tmp_path / "big")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big", "out", "small"]


def test_a_full_disk_leaves_the_old_published_rows_whole(tmp_path):
    io.write(tmp_path / "raw.jsonl", [DOLLY])
    with (
        full_disk(20_000),
        pytest.raises(InputError, match="raw.jsonl: cannot be written .*is whole"),
    ):
        io.write(tmp_path / "raw.jsonl", [DOLLY] * 5000)
    assert io.read(tmp_path / "raw.jsonl") == [DOLLY]
    assert [path.name for path in tmp_path.iterdir()] == ["raw.jsonl"]

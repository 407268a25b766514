import errno
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reset.core import hashing, io
from reset.core.errors import InputError


def test_rows_come_back_as_they_were_written(tmp_path):
    rows = [
        {"id": "a", "text": "café\u2028 line\nbreak"},
        {"id": "b", "n": 1.5, "list": [None, True]},
    ]
    assert io.write(tmp_path / "deep" / "rows.jsonl", rows) == 2
    assert io.read(tmp_path / "deep" / "rows.jsonl") == rows


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none())))
def test_any_text_survives_the_round_trip(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    io.write(path, rows)
    assert io.read(path) == rows


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{nope}", "not JSON"),
        (b"[1]", "a JSON object is expected, not list"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\0"}', "NUL byte"),
        (b'{"a": "\\ud800"}', "unpaired surrogate"),
        (b'{"a": "\\uDC00"}', "unpaired surrogate"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
        (b'{"a": ' + b"1" * 5000 + b"}", "a number has more than 4300 digits"),
        (b'{"a": "NaN", "b": [{"c": NaN}]}', "field 'b' holds NaN or Infinity"),
        (b'{"b": 1, "a": 2, "a": 2}', "field 'a' stands twice in one object"),
        (b'{"b": [{"c": 1, "c": 2}]}', "field 'c' stands twice"),
        (b'{"a": 1, "\\u0061": 2}', "field 'a' stands twice"),
        (b'{"a": -Infinity}', "field 'a' holds NaN or Infinity"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(tmp_path, line, message):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"id": "fine"}\n\n' + line + b"\n")
    with pytest.raises(InputError, match=rf"rows\.jsonl:3: .*{message}"):
        io.read(path)


def test_windows_line_ends_and_blank_lines_are_read(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"id": "a"}\r\n\r\n{"id": "b"}')
    assert [row["id"] for row in io.read(path)] == ["a", "b"]


def test_a_byte_order_mark_is_skipped(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": "a"}\n')
    assert io.read(path) == [{"id": "a"}]


def test_integers_of_any_size_are_exact(tmp_path):
    path = tmp_path / "rows.jsonl"
    io.write(path, [{"a": 2**70, "b": -(10**30)}])
    assert io.read(path) == [{"a": 2**70, "b": -(10**30)}]


def test_the_words_nan_and_infinity_are_text(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": "NaN of Infinity", "NaN": 1}\n')
    assert io.read(path) == [{"a": "NaN of Infinity", "NaN": 1}]


def test_an_escaped_surrogate_pair_is_fine(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": "\\ud83d\\ude00"}\n')
    assert io.read(path) == [{"a": "\N{GRINNING FACE}"}]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.jsonl: cannot be read"):
        io.read(tmp_path / "none.jsonl")


def test_a_failed_write_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "rows.jsonl"
    io.write(path, [{"id": "old"}])

    def rows():
        yield {"id": "new"}
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        io.write(path, rows())
    assert io.read(path) == [{"id": "old"}]
    assert [p.name for p in tmp_path.iterdir()] == ["rows.jsonl"]


@pytest.mark.parametrize(
    ("stage", "name", "advice"),
    [
        ("", "data/x.jsonl", "what was there before is whole"),
        (
            "fetch@x",
            "data/x.jsonl",
            r"DVC removed the last results first: dvc checkout .*data/x\.jsonl brings .*",
        ),
        ("fetch@x", ".work/x.jsonl", "what was there before is whole"),
    ],
)
def test_a_refused_write_says_where_the_last_result_is(tmp_path, monkeypatch, stage, name, advice):
    monkeypatch.setenv("DVC_STAGE", stage)
    with pytest.raises(
        InputError, match=rf"{name}: cannot be written \(No space left on device\); {advice}$"
    ):
        with io.atomic(tmp_path / name):
            raise OSError(errno.ENOSPC, "No space left on device")


def test_ids_are_strict():
    with pytest.raises(InputError, match="id 'a' stands twice"):
        io.by_id([{"id": "a"}, {"id": "a"}], "x.jsonl")
    with pytest.raises(InputError, match="no string 'id'"):
        io.by_id([{"id": 3}], "x.jsonl")


def test_digests_tell_values_apart_and_ignore_key_order():
    assert hashing.digest({"a": 1, "b": 2}) == hashing.digest({"b": 2, "a": 1})
    assert hashing.digest("ab", "c") != hashing.digest("a", "bc")
    assert len(hashing.digest(json.dumps("é"))) == 16


def test_a_folder_digest_changes_with_content_and_names(tmp_path):
    (tmp_path / "a").write_text("x")
    first = hashing.file_digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    second = hashing.file_digest(tmp_path)
    (tmp_path / "b").write_text("y")
    assert len({first, second, hashing.file_digest(tmp_path)}) == 3

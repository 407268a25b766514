import datetime
import gzip
import json
import tracemalloc

import pytest

from reset.core.errors import InputError
from reset.data.datasets import registry
from reset.data.records.build_records import filter_rows
from reset.data.sources import files

ROWS = [{"n": n, "text": "é\u2028" * n} for n in range(5)]


def lines(given):
    return "".join(json.dumps(row) + "\n" for row in given).encode()


GZIPPED = gzip.compress(lines(ROWS), mtime=0)  # a time would change the names of the tests


def parquet(path, given):
    import pyarrow
    from pyarrow import parquet as writer

    path.parent.mkdir(parents=True, exist_ok=True)
    writer.write_table(pyarrow.Table.from_pylist(given), path)


def test_every_kind_of_file_gives_the_same_rows(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines(ROWS))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines(ROWS)))
    (tmp_path / "c.json").write_text(json.dumps(ROWS))
    (tmp_path / "d.json.gz").write_bytes(gzip.compress(json.dumps(ROWS, indent=1).encode()))
    parquet(tmp_path / "e.parquet", ROWS)
    for path in tmp_path.iterdir():
        assert list(files.rows(path)) == ROWS


def test_a_long_list_comes_as_it_was_written(tmp_path):
    long = [
        {"text": "]},{[\u2028é" * (n % 7), "n": [n, 0.5, {"k": '\\"', "none": None}]}
        for n in range(3000)
    ]
    (tmp_path / "x.json").write_text("\ufeff\n" + json.dumps(long, indent=2), encoding="utf-8")
    assert list(files.rows(tmp_path / "x.json")) == long
    (tmp_path / "x.json.gz").write_bytes(gzip.compress(json.dumps(long).encode()))
    assert list(files.rows(tmp_path / "x.json.gz")) == long


@pytest.mark.parametrize("kind", ["list", "columns", "golden"])
def test_a_big_document_is_not_held_in_memory(tmp_path, kind):
    row = {"text": "word " * 2000, "labels": ["a", "b"]}
    count = 3000  # 30 MB
    whole = {
        "list": [row] * count,
        "golden": {"questions": [row] * count},
        "columns": {name: {str(n): value for n in range(count)} for name, value in row.items()},
    }[kind]
    with open(tmp_path / "x.json", "w") as handle:
        json.dump(whole, handle)
    tracemalloc.start()
    assert sum(got == row for got in files.rows(tmp_path / "x.json")) == count
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


def test_microsofts_columns_become_rows(tmp_path):
    raw = {
        "query_id": {"0": 11, "1": 12},
        "query": {"0": "what is it", "1": "who is it"},
        "query_type": {"0": "DESCRIPTION", "1": "PERSON"},
        "answers": {"0": ["It is so."], "1": ["No Answer Present."]},
        "wellFormedAnswers": {"0": ["It is so, really."], "1": "[]"},
        "passages": {
            "0": [{"is_selected": 1, "passage_text": "the source", "url": "u"}],
            "1": [{"is_selected": 0, "passage_text": "nothing", "url": "u"}],
        },
    }
    path = tmp_path / "ms_marco.json.gz"
    path.write_bytes(gzip.compress(json.dumps(raw).encode()))
    result = filter_rows(files.numbered(path), registry.entry("ms_marco"), 5)
    assert [row.id for row in result.kept] == ["ms_marco:11"]
    assert result.dropped == {"no well-formed answer": 1}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "x.json",
            b'[{"a": 1}, {"a": ',
            r"x.json: not a whole JSON document in UTF-8, after 1 entries \(.*premature EOF",
        ),
        ("x.json", b'[{"a": 1}', "after 1 entries"),
        ("x.json", b'[{"a": 1}] {', "trailing garbage"),
        ("x.json", b'{"a": 1}\n{"a": 2}\n', r"one object a line\? then call it \.jsonl"),
        ("x.json", b"", "x.json: not a whole JSON document in UTF-8, after 0 entries"),
        ("x.json", b'[{"a": "\0"}]', "x.json: not a whole JSON document"),
        ("x.json", b"[1]", "entry 1 is no object"),
        ("x.json", b'"text"', "a list of objects or an object is expected"),
        ("x.json", b'{"questions": [1]}', "entry 1 is no object"),
        ("x.json", b'{"a": {"0": 1, "1": 2}, "b": {"0": 3}}', "row '1' has no value in column 'b'"),
        ("x.json", b'{"a": {"0": 1}, "b": {"0": 3, "1": 2}}', "row '1' has no value in column 'a'"),
        (
            "x.json",
            b'{"a": {"0": 1}, "b": {"1": 3}}',
            "row '0' has no value in column 'b', or at another place",
        ),
        ("x.json", b"\xff\xfe", "UTF-8"),
        ("x.json.gz", b"no gzip", "x.json.gz"),
        ("x.jsonl.gz", GZIPPED[:-9], "not a whole gzip file"),
        ("x.jsonl.gz", GZIPPED[:20] + b"\xff" * 40, "not a whole gzip file"),
        ("x.jsonl", b'{"a": 1}\n\n{"a": \xff}\n', r"x\.jsonl:3: not UTF-8"),
        ("x.parquet", b"no parquet", "not a whole Parquet file"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(files.rows(tmp_path / name))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            datetime.datetime(2024, 1, 1),
            r"x\.parquet: column 'when' holds timestamp.*save it as text",
        ),
        ({"deep": [b"bytes"]}, r"x\.parquet: column 'when' holds binary"),
    ],
)
def test_a_column_that_json_cannot_hold_is_named(tmp_path, value, message):
    parquet(tmp_path / "x.parquet", [{"text": "t", "when": value}])
    with pytest.raises(InputError, match=message):
        list(files.rows(tmp_path / "x.parquet"))


def test_columns_of_lists_and_objects_come_from_parquet_as_json_has_them(tmp_path):
    row = {
        "n": 1,
        "x": 0.5,
        "yes": True,
        "none": None,
        "texts": ["a"],
        "object": {"names": ["b"], "n": 2},
    }
    parquet(tmp_path / "x.parquet", [row])
    assert list(files.rows(tmp_path / "x.parquet")) == [row]


def test_cells_of_csv_and_tsv_are_text(tmp_path):
    table = 'nr,ask,text\n007,"Who, and\nwhen?",true\n1e5,NA,\n'
    for mark in ("", "\ufeff"):
        (tmp_path / "a.csv").write_text(mark + table, encoding="utf-8")
        assert list(files.numbered(tmp_path / "a.csv")) == [
            (f"{tmp_path}/a.csv, row 1", {"nr": "007", "ask": "Who, and\nwhen?", "text": "true"}),
            (f"{tmp_path}/a.csv, row 2", {"nr": "1e5", "ask": "NA", "text": ""}),
        ]
    (tmp_path / "a.tsv").write_text("a\tb\n1,5\tx\n", encoding="utf-8")
    assert list(files.rows(tmp_path / "a.tsv")) == [{"a": "1,5", "b": "x"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": the file is empty; a header is expected"),
        (b"a,b\n\n1,2\n1,2,3\n", ", row 2: 3 cells, but the header has 2"),
        (b"a,b\n1,2\n1\n", ", row 2: 1 cells, but the header has 2"),
        (b"a,b\n1,\xff\n", ": cannot be read as a table in UTF-8, .*can't decode byte 0xff"),
        ("nr,größe\n1,2\n".encode("latin-1"), ": cannot be read as a table in UTF-8, after 0 rows"),
        ("a,b\n1,2\n".encode("utf-16"), ": cannot be read as a table in UTF-8, after 0 rows"),
        (b"a,a\n1,2\n", ": two columns are called 'a'"),
        (b"a;b\n1;2\n", ": the header is one cell, 'a;b'; part cells by commas, or by tabs"),
    ],
)
def test_a_damaged_table_is_named(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.csv{message}"):
        list(files.rows(tmp_path / "a.csv"))


@pytest.mark.parametrize(
    "cells", [b'2,"b\n3,c\n4,d\n', b'2,"b" and more\n3,c\n', b'2,"b\n3,"c\n4,d\n']
)
def test_a_quote_that_is_not_closed_takes_no_rows_away(tmp_path, cells):
    (tmp_path / "a.csv").write_bytes(b"a,b\n1,x\n" + cells)
    with pytest.raises(InputError, match=r"a\.csv: cannot be read .*, after 1 rows \("):
        list(files.rows(tmp_path / "a.csv"))


def test_cells_may_hold_quotes_line_breaks_and_any_script(tmp_path):
    cell = 'He said "no"\r\n\u2028قال 😀,'
    table = 'a,b\r\n6" pipe,"' + cell.replace('"', '""') + '"\r\n\r\n'
    (tmp_path / "a.csv").write_bytes(table.encode())
    assert list(files.rows(tmp_path / "a.csv")) == [{"a": '6" pipe', "b": cell}]


def test_a_parquet_text_that_is_not_utf_8_is_named(tmp_path):
    import pyarrow
    from pyarrow import parquet as writer

    binary = pyarrow.array([b"\xff\xfe"])
    damaged = pyarrow.Array.from_buffers(pyarrow.string(), 1, binary.buffers())
    writer.write_table(pyarrow.table({"a": damaged}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet: not a whole Parquet file \('utf-8'"):
        list(files.rows(tmp_path / "a.parquet"))


def test_of_parquet_the_columns_asked_for_are_read_and_their_types_checked(tmp_path):
    import datetime

    import pyarrow
    from pyarrow import parquet

    views = pyarrow.array(["a", "b"], pyarrow.string_view())
    day = [datetime.date(2024, 1, 1)] * 2
    table = pyarrow.table({"text": views, "split": ["train", "test"], "day": day})
    parquet.write_table(table, tmp_path / "a.parquet")
    rows = list(files.rows(tmp_path / "a.parquet", ["text"]))
    assert rows == [{"text": "a", "split": "train"}, {"text": "b", "split": "test"}]
    with pytest.raises(InputError, match="column 'day' holds date32"):
        list(files.rows(tmp_path / "a.parquet", ["day"]))
    with pytest.raises(InputError, match=r"a\.parquet: no column 'gold'; it has text, split, day"):
        list(files.rows(tmp_path / "a.parquet", ["gold"]))


def test_a_byte_order_mark_before_json_lines_is_left_out(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"a": 1}\n{"a": 2}\n')
    assert list(files.rows(tmp_path / "a.jsonl")) == [{"a": 1}, {"a": 2}]

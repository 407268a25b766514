"""csv_table: what is written reads back; what is wrong is named."""

import pytest

from reset.core.errors import InputError
from reset.evaluation import csv_table


def test_cells_keep_commas_quotes_and_line_breaks(tmp_path):
    path = tmp_path / "a.csv"
    csv_table.write(path, ("run", "text"), [{"run": "mtl", "text": 'one, "two"\nthree'}])
    assert csv_table.read(path, ("run", "text")) == [{"run": "mtl", "text": 'one, "two"\nthree'}]


def test_numbers_none_and_booleans_have_one_form(tmp_path):
    path = tmp_path / "a.csv"
    csv_table.write(path, ("a", "b", "c"), [{"a": 1 / 3, "b": None, "c": True, "left out": 1}])
    assert path.read_text() == "a,b,c\n0.333333,,true\n"
    assert csv_table.number("", "a.csv:2") is None
    assert csv_table.number("0.25", "a.csv:2") == 0.25


def test_a_row_without_a_column_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("before")
    with pytest.raises(KeyError):
        csv_table.write(path, ("a", "b"), [{"a": 1, "b": 2}, {"a": 1}])
    assert path.read_text() == "before"


@pytest.mark.parametrize(
    "text, message",
    [
        ("run\nmtl\n", r"a.csv:1: no column 'seed'; the file has run"),
        ("run,seed\nmtl\n", r"a.csv:2: 2 cells a line"),
        ("run,seed\nmtl,0\nmtl,1,2\n", r"a.csv:3: 2 cells a line"),
        ("", r"a.csv:1: no column 'run'"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        csv_table.read(tmp_path / "a.csv", ("run", "seed"))


def test_a_missing_file_and_other_bytes_are_input_errors(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        csv_table.read(tmp_path / "none.csv", ())
    (tmp_path / "latin.csv").write_bytes(b"run\n\xe9\n")
    with pytest.raises(InputError, match="not UTF-8"):
        csv_table.read(tmp_path / "latin.csv", ())

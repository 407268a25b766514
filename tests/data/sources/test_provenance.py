import datetime
import gzip
import json

import pyarrow
import pytest
from pyarrow import parquet

from reset.core import io
from reset.core.errors import InputError
from reset.data.datasets import registry
from reset.data.records import build_records
from reset.data.sources import mirror, provenance
from reset.data.sources.dataset_config import DataSet
from reset.data.sources.provenance import SourcePart

DOLLY = {"instruction": "Name a fruit", "context": "", "response": "Apple"}


def fetch(folder, dataset):
    """What the fetch stage does; returns the raw file and what was counted."""
    raw, counts, found = folder / "raw.jsonl", folder / "sources.json", []
    io.write(raw, provenance.count_rows(mirror.parts(folder / "mirror", dataset), found))
    io.write_json(counts, {"parts": found})
    return raw, counts


def filtered(folder, dataset):
    raw, counts = fetch(folder, dataset)
    settings = build_records.FilterSettings("published", 5, 0, "drop")
    with provenance.name_sources(raw, counts):
        build_records.filter_file(
            raw, folder / "out", registry.entry(dataset), DataSet("published", None, 0), settings
        )


def lines(*rows):
    return b"\n\r\n".join(json.dumps(row).encode() for row in rows)


def test_rows_are_counted_by_the_place_they_come_from():
    found = []
    assert list(
        provenance.count_rows([SourcePart("a", [{"n": 1}, {"n": 2}]), SourcePart("b", [])], found)
    ) == [
        {"n": 1},
        {"n": 2},
    ]
    assert found == [{"from": "a", "rows": 2}, {"from": "b", "rows": 0}]
    with pytest.raises(InputError, match="c, d: no row"):
        list(provenance.count_rows([SourcePart("c", []), SourcePart("d", [])], []))


def test_rows_of_other_null_and_misspelt_subsets_are_counted_by_name():
    names = ["SearchQA", "SearchQa", None, "SQuAD", "SQuAD", "SearchQA-dev"]
    rows = [{"n": n, "subset": name} for n, name in enumerate(names)]
    found = []
    taken = provenance.count_rows([SourcePart("a", [*rows, {"n": 9}], "SearchQA")], found)
    assert [row["n"] for row in taken] == [0, 5, 9]
    others = {"SearchQa": 1, "null": 1, "SQuAD": 2}
    assert found == [{"from": "a", "rows": 3, "subset": "SearchQA", "other_subsets": others}]
    assert provenance.other_subsets(found + found) == {"SearchQa": 2, "null": 2, "SQuAD": 4}
    with pytest.raises(InputError, match="a: no row of the subset 'BioASQ'; .* SQuAD, SearchQA, "):
        list(provenance.count_rows([SourcePart("a", rows, "BioASQ")], []))


def test_a_bad_row_is_named_by_the_line_of_the_mirrors_file(tmp_path):
    io.write(tmp_path / "mirror/dolly.jsonl", [])
    (tmp_path / "mirror/dolly.jsonl").write_bytes(lines(DOLLY, DOLLY | {"response": None}))
    with pytest.raises(
        InputError, match=r"mirror/dolly\.jsonl:3: field 'response' is null"
    ) as error:
        filtered(tmp_path, "dolly")
    assert "raw.jsonl" not in str(error.value)


def test_wrong_columns_are_named_by_the_file_of_a_folder_and_its_line(tmp_path):
    folder = tmp_path / "mirror/dolly"
    io.write(folder / "a.jsonl", [DOLLY] * 3)
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(lines(DOLLY, {"prompt": "p"})))
    io.write_json(folder / "c.json", [DOLLY])
    with pytest.raises(
        InputError, match=r"mirror/dolly/b\.jsonl\.gz:3: data set 'dolly': no column 'instruction'"
    ):
        filtered(tmp_path, "dolly")


def test_a_row_of_another_kind_of_file_is_named_by_its_number(tmp_path):
    io.write(tmp_path / "mirror/dolly/a.jsonl", [DOLLY])
    io.write_json(tmp_path / "mirror/dolly/b.json", [DOLLY, DOLLY | {"context": 5}])
    with pytest.raises(InputError, match=r"mirror/dolly/b\.json, row 2: field 'context' is int"):
        filtered(tmp_path, "dolly")


@pytest.mark.parametrize("kind", ["jsonl", "json"])
def test_rows_of_other_subsets_are_counted_when_a_bad_row_is_named(tmp_path, kind):
    row = {"subset": "NaturalQuestions", "context": "c", "question": "q", "answers": ["c"]}
    rows = [row, row | {"subset": "SQuAD"}, row | {"subset": "SQuAD"}, row | {"answers": None}]
    (io.write if kind == "jsonl" else io.write_json)(tmp_path / f"mirror/nq.{kind}", rows)
    with pytest.raises(InputError, match=rf"mirror/nq\.{kind}(:|, row )4: field 'answers' is null"):
        filtered(tmp_path, "nq")
    assert json.loads((tmp_path / "sources.json").read_text())["parts"][0]["rows"] == 2


def test_a_row_is_named_though_a_column_that_was_not_fetched_is_no_json(tmp_path):
    table = pyarrow.table({"gold": ["a", None], "day": [datetime.date(2024, 1, 1)] * 2})
    parquet.write_table(table, tmp_path / "mine.parquet")
    part = {"from": str(tmp_path / "mine.parquet"), "rows": 2}
    assert provenance.source_of([part], 2) == f"{tmp_path}/mine.parquet, row 2"


def test_two_rows_with_one_id_are_both_named(tmp_path):
    chat = {
        "id": "a_0",
        "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "word " * 11}],
    }
    other = chat | {"conversations": [{"from": "human", "value": "ho"}, chat["conversations"][1]]}
    io.write(tmp_path / "mirror/sharegpt/a.jsonl", [chat])
    io.write(tmp_path / "mirror/sharegpt/b.jsonl", [other])
    with pytest.raises(
        InputError, match=r"/b\.jsonl:1: this row has the id of .*/a\.jsonl:1 and another content"
    ):
        filtered(tmp_path, "sharegpt")


def test_a_line_that_was_not_fetched_keeps_its_name(tmp_path):
    io.write_json(tmp_path / "sources.json", {"parts": [{"from": "the hub (train)", "rows": 2}]})
    for number, name in ((2, r"the hub \(train\), row 2: bad"), (3, r"raw\.jsonl:3: bad")):
        with (
            pytest.raises(InputError, match=name),
            provenance.name_sources(tmp_path / "raw.jsonl", tmp_path / "sources.json"),
        ):
            raise InputError(f"{tmp_path / 'raw.jsonl'}:{number}: bad")

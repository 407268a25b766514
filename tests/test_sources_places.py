import gzip
import json

import pytest

from reset import filtering, records
from reset.datasets import DataSet
from reset.errors import InputError
from reset.published import registry
from reset.sources import mirror, places
from reset.sources.places import Part

DOLLY = {"instruction": "Name a fruit", "context": "", "response": "Apple"}


def fetch(folder, dataset):
    """What the fetch stage does; returns the raw file and what was counted."""
    raw, counts, found = folder / "raw.jsonl", folder / "sources.json", []
    records.write(raw, places.counted(mirror.parts(folder / "mirror", dataset), found))
    records.write_json(counts, {"parts": found})
    return raw, counts


def filtered(folder, dataset):
    raw, counts = fetch(folder, dataset)
    settings = filtering.Settings("published", 5, 0)
    with places.named(raw, counts):
        filtering.filter_file(raw, folder / "out", registry.entry(dataset), DataSet("published", None, 0), settings)


def lines(*rows):
    return b"\n\r\n".join(json.dumps(row).encode() for row in rows)


def test_rows_are_counted_by_the_place_they_come_from():
    found = []
    assert list(places.counted([Part("a", [{"n": 1}, {"n": 2}]), Part("b", [])], found)) == [{"n": 1}, {"n": 2}]
    assert found == [{"from": "a", "rows": 2}, {"from": "b", "rows": 0}]
    with pytest.raises(InputError, match="c, d: no row"):
        list(places.counted([Part("c", []), Part("d", [])], []))


def test_a_bad_row_is_named_by_the_line_of_the_mirrors_file(tmp_path):
    records.write(tmp_path / "mirror/dolly.jsonl", [])
    (tmp_path / "mirror/dolly.jsonl").write_bytes(lines(DOLLY, DOLLY | {"response": None}))
    with pytest.raises(InputError, match=r"mirror/dolly\.jsonl:3: field 'response' is null") as error:
        filtered(tmp_path, "dolly")
    assert "raw.jsonl" not in str(error.value)


def test_wrong_columns_are_named_by_the_file_of_a_folder_and_its_line(tmp_path):
    folder = tmp_path / "mirror/dolly"
    records.write(folder / "a.jsonl", [DOLLY] * 3)
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(lines(DOLLY, {"prompt": "p"})))
    records.write_json(folder / "c.json", [DOLLY])
    with pytest.raises(InputError, match=r"mirror/dolly/b\.jsonl\.gz:3: data set 'dolly': no column 'instruction'"):
        filtered(tmp_path, "dolly")


def test_a_row_of_another_kind_of_file_is_named_by_its_number(tmp_path):
    records.write(tmp_path / "mirror/dolly/a.jsonl", [DOLLY])
    records.write_json(tmp_path / "mirror/dolly/b.json", [DOLLY, DOLLY | {"context": 5}])
    with pytest.raises(InputError, match=r"mirror/dolly/b\.json, row 2: field 'context' is int"):
        filtered(tmp_path, "dolly")


@pytest.mark.parametrize("kind", ["jsonl", "json"])
def test_rows_of_other_subsets_are_counted_when_a_bad_row_is_named(tmp_path, kind):
    row = {"subset": "NaturalQuestions", "context": "c", "question": "q", "answers": ["c"]}
    rows = [row, row | {"subset": "SQuAD"}, row | {"subset": "SQuAD"}, row | {"answers": None}]
    (records.write if kind == "jsonl" else records.write_json)(tmp_path / f"mirror/nq.{kind}", rows)
    with pytest.raises(InputError, match=rf"mirror/nq\.{kind}(:|, row )4: field 'answers' is null"):
        filtered(tmp_path, "nq")
    assert json.loads((tmp_path / "sources.json").read_text())["parts"][0]["rows"] == 2


def test_two_rows_with_one_id_are_both_named(tmp_path):
    chat = {"id": "a_0", "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "word " * 11}]}
    other = chat | {"conversations": [{"from": "human", "value": "ho"}, chat["conversations"][1]]}
    records.write(tmp_path / "mirror/sharegpt/a.jsonl", [chat])
    records.write(tmp_path / "mirror/sharegpt/b.jsonl", [other])
    with pytest.raises(InputError, match=r"/b\.jsonl:1: this row has the id of .*/a\.jsonl:1 and another content"):
        filtered(tmp_path, "sharegpt")


def test_a_line_that_was_not_fetched_keeps_its_name(tmp_path):
    records.write_json(tmp_path / "sources.json", {"parts": [{"from": "the hub (train)", "rows": 2}]})
    for number, name in ((2, r"the hub \(train\), row 2: bad"), (3, r"raw\.jsonl:3: bad")):
        with pytest.raises(InputError, match=name), places.named(tmp_path / "raw.jsonl", tmp_path / "sources.json"):
            raise InputError(f"{tmp_path / 'raw.jsonl'}:{number}: bad")

import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.data.sources import fetch

WORLD = {
    "seed": 0,
    "context_rows": 5,
    "instruction_rows": 5,
    "evaluation_rows": 15,
    "extra_sentence": 0.5,
    "memorised_answer": 0.5,
    "obedience": 0.5,
}


def rows(*given):
    return [row for part in fetch.parts(*given) for row in part.rows]


def test_the_demo_world_publishes_rows(monkeypatch):
    published = rows("nq", "published", "toy", WORLD)
    assert {row["split"] for row in published} == {"train", "test"}
    with pytest.raises(InputError, match="'data.world' is null"):
        rows("nq", "published", "toy", None)


def test_a_mirror_is_a_folder(tmp_path):
    io.write(tmp_path / "nq.jsonl", [{"question": "q"}])
    assert rows("nq", "published", str(tmp_path), None) == [{"question": "q"}]


def test_a_file_of_ones_own_is_read_whatever_the_mirror(tmp_path):
    io.write(tmp_path / "mine.jsonl", [{"text": "t"}])
    source = {"path": str(tmp_path / "mine.jsonl"), "task": "summarization", "columns": {}}
    assert rows("mine", source, "toy", WORLD) == [{"text": "t"}]


def test_without_a_mirror_the_set_must_be_a_published_one():
    with pytest.raises(InputError, match="'data.datasets.mine' is no published data set"):
        rows("mine", "published", None, None)


def test_a_file_of_ones_own_must_be_there_and_of_a_known_kind(tmp_path):
    source = {"path": str(tmp_path / "a.xlsx"), "task": "summarization", "columns": {}}
    with pytest.raises(InputError, match="datasets.mine.source.path': '.*a.xlsx' is not there"):
        rows("mine", source, None, None)
    (tmp_path / "a.xlsx").touch()
    with pytest.raises(
        InputError, match=r"source.path': expected a file whose name .*\.csv, \.tsv"
    ):
        rows("mine", source, None, None)

import json
import os

import pytest

from reset.core.errors import InputError
from reset.data.records import parallel_jsonl


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(
        b"".join(json.dumps({"n": n, "text": "x" * (n % 90)}).encode() + b"\n" for n in range(1000))
    )
    return path


@pytest.mark.parametrize("size", [1, 100, 5000, 1 << 20])
def test_blocks_hold_every_line_once_and_in_order(path, size):
    rows = [row for block in parallel_jsonl.split(path, size) for row in block.rows()]
    assert [row["n"] for _, row in rows] == list(range(1000))
    assert [where for where, _ in rows] == [f"{path}:{n}" for n in range(1, 1001)]


def test_a_last_line_without_line_break_counts(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"n": 1}\n\n{"n": 2}')
    assert list(parallel_jsonl.numbered(path)) == [(f"{path}:1", {"n": 1}), (f"{path}:3", {"n": 2})]


def test_line_separators_of_unicode_do_not_end_a_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a\u2028b\u0085c"}\n', encoding="utf-8")
    assert [row["text"] for _, row in parallel_jsonl.numbered(path)] == ["a\u2028b\u0085c"]


def test_several_processes_give_what_one_gives(path, monkeypatch):
    monkeypatch.setattr(
        parallel_jsonl, "split", lambda path, split=parallel_jsonl.split: split(path, 1000)
    )

    def numbers(block):
        return [row["n"] for _, row in block.rows()]

    assert list(parallel_jsonl.over(path, numbers, processes=3)) == list(
        parallel_jsonl.over(path, numbers, processes=1)
    )


def test_an_error_in_a_process_comes_out_with_its_line(path, monkeypatch):
    monkeypatch.setattr(
        parallel_jsonl, "split", lambda path, split=parallel_jsonl.split: split(path, 1000)
    )
    lines = path.read_bytes().split(b"\n")
    lines[700] = b"{broken"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=r"rows\.jsonl:701: not JSON"):
        list(parallel_jsonl.over(path, lambda block: sum(1 for _ in block.rows()), processes=2))


def test_a_process_that_dies_is_an_error_and_no_endless_wait(path):
    with pytest.raises(Exception, match="terminated abruptly"):
        list(parallel_jsonl.over(path, lambda block: os._exit(3), processes=2))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="none.jsonl: cannot be read"):
        list(parallel_jsonl.over(tmp_path / "none.jsonl", lambda block: 0))


def test_small_files_start_no_process(path):
    own = os.getpid()
    assert set(parallel_jsonl.over(path, lambda block: os.getpid())) == {own}


@pytest.mark.parametrize(("cores", "most"), [(1, 1), (3, 3), (8, 8), (64, 8)])
def test_a_big_file_is_worked_on_by_the_cores_at_hand_and_no_more_than_eight(
    path, monkeypatch, cores, most
):
    monkeypatch.setattr(parallel_jsonl, "ALONE", 0)
    monkeypatch.setattr(
        parallel_jsonl, "split", lambda path, split=parallel_jsonl.split: split(path, 100)
    )
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    started = []
    pool = parallel_jsonl.ProcessPoolExecutor
    monkeypatch.setattr(
        parallel_jsonl,
        "ProcessPoolExecutor",
        lambda count, *rest: started.append(count) or pool(count, *rest),
    )
    assert sum(parallel_jsonl.over(path, lambda block: sum(1 for _ in block.rows()))) == 1000
    assert started == ([most] if most > 1 else [])

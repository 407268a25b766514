import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reset.core import io
from reset.core.errors import InputError
from reset.tokens import encoding
from reset.training import encoded_rows
from tests.support import tiny_llama

WORD = st.sampled_from(tiny_llama.WORDS)
TEXT = st.lists(WORD, min_size=1, max_size=6).map(" ".join)
ROW = st.fixed_dictionaries({"prompt": TEXT, "target": TEXT, "copies": st.integers(1, 4)})
TOKENIZER = tiny_llama.tokenizer()


@pytest.fixture
def start(tmp_path):
    folder = tmp_path / "start"
    TOKENIZER.save_pretrained(folder)
    return folder


def encoded(rows, start, folder, length=64):
    io.write(folder / "rows.jsonl", [row | {"id": str(i)} for i, row in enumerate(rows)])
    return encoded_rows.encode(folder / "rows.jsonl", start, TOKENIZER, length, folder / "work")


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=9))
def test_an_epoch_is_each_row_as_often_as_its_copies_say(rows, start, tmp_path, monkeypatch):
    monkeypatch.setattr(encoded_rows, "CHUNK", 2)
    epoch = encoded(rows, start, tmp_path)
    expected = []
    for row in rows:
        expected += encoding.encode([row | {"id": "a"}], TOKENIZER, 64, "rows") * row["copies"]
    assert [list(example.input_ids) for example in epoch] == [e.input_ids for e in expected]
    assert [example.labels for example in epoch] == [example.labels for example in expected]
    assert len(epoch) == len(expected)


def test_a_second_call_reads_what_the_first_has_written(start, tmp_path, monkeypatch):
    rows = tiny_llama.rows(5)
    first = encoded(rows, start, tmp_path)
    monkeypatch.setattr(encoding, "encode", lambda *_: pytest.fail("encoded a second time"))
    again = encoded(rows, start, tmp_path)
    assert np.array_equal(first.ids, again.ids) and np.array_equal(first.bounds, again.bounds)


def test_other_rows_another_length_and_another_tokenizer_are_encoded_anew(start, tmp_path):
    rows = tiny_llama.rows(5)
    encoded(rows, start, tmp_path)
    encoded(rows[:4], start, tmp_path)
    encoded(rows, start, tmp_path, length=63)
    (start / "tokenizer_config.json").write_text("{}")
    encoded(rows, start, tmp_path)
    assert len(list((tmp_path / "work").glob("rows-*"))) == 4


def test_a_bad_row_leaves_nothing_behind(start, tmp_path):
    with pytest.raises(InputError, match="row '1' has 8 tokens"):
        encoded([{"prompt": "w1", "target": "w2"}, {"prompt": "w1", "target": "w2 " * 6}], start,
                tmp_path, length=7)  # fmt: skip
    assert not list((tmp_path / "work").iterdir())


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from reset.training import encoded_rows
from tests.support import tiny_llama
np.save = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
rows, start, work = (Path(sys.argv[1]) / name for name in ("rows.jsonl", "start", "work"))
encoded_rows.encode(rows, start, tiny_llama.tokenizer(), 64, work)
"""


def test_a_process_that_is_killed_on_the_way_leaves_no_rows_to_trust(start, tmp_path):
    rows = tiny_llama.rows(5)
    io.write(tmp_path / "rows.jsonl", rows)
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path], cwd=tiny_llama.ROOT,
                          env={**os.environ, "PYTHONPATH": "src"}, check=False)  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    assert len(encoded(rows, start, tmp_path)) == 5

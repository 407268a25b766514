"""errors: what a stage leaves behind when it ends."""

import subprocess
import sys

import pytest

from reset.core import errors
from reset.core.errors import InputError


def test_a_stage_under_dvc_notes_its_seconds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    errors.run_stage(lambda: None)
    assert not errors.TIMES.exists()
    monkeypatch.setenv("DVC_STAGE", "predict@reset-31")
    errors.run_stage(lambda: None)
    name, seconds = errors.TIMES.read_text().strip().split(",")
    assert name == "predict@reset-31" and 0 <= float(seconds) < 5


def test_an_input_error_is_one_line_and_no_time(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_STAGE", "report")

    def fail():
        raise InputError("params.yaml: no seeds")

    with pytest.raises(SystemExit, match="1"):
        errors.run_stage(fail)
    assert capsys.readouterr().err == "error: params.yaml: no seeds\n"
    assert not errors.TIMES.exists()


PRINTS = "from reset.core.errors import run_stage; run_stage(lambda: print({text}))"


def test_a_terminal_without_a_letter_gets_its_number():
    told = subprocess.run(
        [sys.executable, "-c", PRINTS.format(text="'1 ± 2 \u2192'")],
        env={"PYTHONPATH": "src", "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
    )
    assert (told.stdout, told.stderr) == (b"1 \xb1 2 \\u2192\n", b"")


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_reader_that_ends_early_gets_no_traceback(size):
    started = subprocess.Popen(
        [sys.executable, "-c", PRINTS.format(text=f"'x' * {size}")],
        env={"PYTHONPATH": "src"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    started.stdout.close()
    assert (started.stderr.read(), started.wait()) == (b"", 1)

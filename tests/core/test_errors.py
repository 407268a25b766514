"""errors: what a stage leaves behind when it ends."""

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

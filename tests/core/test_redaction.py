"""Keys of the environment do not get into messages."""

import pytest

from reset.core import errors, redaction
from reset.core.errors import InputError
from reset.core.redaction import environment_key, redact

KEY = "sk-very-secret-1234"


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "HF_TOKEN", "MY_KEY", "DB_PASSWORD"])
def test_the_value_of_a_variable_that_is_named_as_keys_are_is_replaced_by_its_name(
    name, monkeypatch
):
    monkeypatch.setenv(name, KEY)
    assert redact(f"no such key: {KEY}, {KEY}.") == f"no such key: [{name}], [{name}]."
    assert str(InputError(f"refused: Bearer {KEY}")) == f"refused: Bearer [{name}]"


def test_a_key_under_any_other_name_is_known_once_it_was_read(monkeypatch):
    monkeypatch.setattr(redaction, "_registered", set())
    monkeypatch.setenv("JUDGE", KEY)
    assert redact(KEY) == KEY
    assert environment_key("JUDGE") == KEY
    assert redact(KEY) == "[JUDGE]"
    monkeypatch.setenv("JUDGE", "  ")
    assert environment_key("JUDGE") is None and redact("a b") == "a b"


def test_short_values_and_other_variables_stay(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("KEYBOARD", "somewhere-else")
    assert redact("none of somewhere-else") == "none of somewhere-else"


def test_a_key_that_holds_another_goes_whole(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("HF_TOKEN", KEY + "-longer")
    assert redact(KEY + "-longer") == "[HF_TOKEN]"


def test_a_traceback_of_a_stage_shows_no_key(monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def fail():
        raise KeyError(f"Authorization: Bearer {KEY}")

    with pytest.raises(SystemExit, match="1"):
        errors.run_stage(fail)
    said = capsys.readouterr().err
    assert KEY not in said and "KeyError: 'Authorization: Bearer [OPENAI_API_KEY]'" in said

import json

import pytest

from reset.core import params
from reset.core.errors import InputError
from reset.tokens.context_window import check, positions
from reset.training import run
from stages import template
from tests.support import tiny_llama


@pytest.mark.parametrize(
    "config, expected",
    [
        ({"max_position_embeddings": 2048}, 2048),
        ({"n_positions": 1024}, 1024),
        (
            {
                "text_config": {"max_position_embeddings": 8192},
                "vision_config": {"max_position_embeddings": 77},
            },
            8192,
        ),
        ({"model_type": "bloom"}, None),
    ],
)
def test_the_window_is_read_from_the_configuration(tmp_path, config, expected):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert positions(tmp_path) == expected


def test_a_setting_that_allows_for_more_is_an_error_that_names_it(tmp_path):
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 64}')
    check(tmp_path, "data.max_tokens", 64)
    with pytest.raises(
        InputError, match=f"'data.max_tokens' is 65, but {tmp_path} has a window of 64 tokens"
    ):
        check(tmp_path, "data.max_tokens", 65)


def test_the_template_stage_stops_before_it_renders_what_the_model_cannot_take(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    tiny_llama.save(tmp_path / "models/chat")
    data = {"templates": "paper", "overlong": "trim_context", "max_tokens": 65, "constraints": 0.0}
    values = {"data": data, "template": {"style": "alpaca"}}
    values |= {name: {"max_new_tokens": 9} for name in ("sampling", "evaluation")}
    monkeypatch.setattr(params, "declared", lambda stage, **item: params.Section(values, "", stage))
    monkeypatch.setattr("sys.argv", ["template", "nq"])
    with pytest.raises(
        InputError, match="'data.max_tokens' is 65, but models/chat has a window of 64"
    ):
        template.main()


def test_training_stops_before_it_starts_on_rows_that_the_model_cannot_take(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        InputError, match="'train.shared.max_length' is 65, but start has a window of 64"
    ):
        run.run(tiny_llama.job(tmp_path, max_length=65))

"""The generation_config.json of a start model holds tokens alone, and can be saved again, as each
checkpoint does.
"""

import json

import pytest

from reset.core.errors import InputError
from reset.models.folder import ModelSource, make
from tests.support import tiny_llama

TOKENS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
VICUNA = TOKENS | {"_from_model_config": True, "max_length": 64, "temperature": 0.9, "top_p": 0.6}


def completed(tmp_path, generation):
    """The generation_config.json that `models` leaves of a given one; the model saves with it."""
    from transformers import AutoModelForCausalLM

    folder = tiny_llama.save(tmp_path / "given")
    (folder / "generation_config.json").write_text(json.dumps(generation))
    make("chat", ModelSource("folder", str(folder), None), tmp_path / "chat")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "chat")
    model.save_pretrained(tmp_path / "checkpoint")
    return json.loads((tmp_path / "chat/generation_config.json").read_text())


@pytest.mark.parametrize(
    "own",
    [
        VICUNA,
        {"do_sample": True, "temperature": 0.7, "top_p": 0.8, "repetition_penalty": 1.1},
        {"do_sample": False, "top_k": 20},
        {"temperature": 0.0},
        {"length_penalty": 2.0},
    ],
    ids=["Vicuna", "Qwen", "contradictory", "zero", "beams"],
)
def test_a_published_models_ways_of_sampling_are_left_out(tmp_path, own):
    assert completed(tmp_path, TOKENS | own) == TOKENS


def test_tokens_that_are_not_valid_are_an_error(tmp_path):
    with pytest.raises(InputError, match="models.chat: its generation_config.json is not valid"):
        completed(tmp_path, TOKENS | {"pad_token_id": -5})


def test_a_tokenizer_without_a_token_that_ends_answers_is_refused(tmp_path):
    folder = tiny_llama.save(tmp_path / "given")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    del config["eos_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").unlink()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"eos_token_id": None}))
    with pytest.raises(InputError, match="models.chat: its tokenizer has no eos_token"):
        make("chat", ModelSource("folder", str(folder), None), tmp_path / "chat")

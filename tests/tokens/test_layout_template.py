"""layout_template: a chat server prompts a model as it was trained."""

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from reset.core.errors import InputError
from reset.data.prompts import templates
from reset.tokens import layout_template
from reset.tokens.chat_template import end_of_answer
from tests.support.chat_models import FAMILIES, save

LAYOUT = templates.load("paper")
HARD = 'Say "{input}" — {{ x }} {% y %}\n\\n <|im_end|>?'
ROW = {
    "task": "extractive_qa", "instruction": "", "question": HARD, "context": ["один", HARD],
}  # fmt: skip
REQUEST = {"task": "instruction", "instruction": HARD, "question": "", "context": []}


@pytest.fixture(params=FAMILIES, ids=str)
def model(request, tmp_path):
    """A chat model's folder, and the id that ended its answers before."""
    save(tmp_path, FAMILIES[request.param])
    before = end_of_answer(AutoTokenizer.from_pretrained(tmp_path))
    layout_template.write(tmp_path, *layout_template.read(Path("prompts/paper")))
    return AutoTokenizer.from_pretrained(tmp_path), before


def test_the_template_renders_what_training_rendered(model):
    tokenizer, _ = model
    bos = tokenizer.bos_token or ""
    task = [
        {"role": "system", "content": LAYOUT.instructions["extractive_qa"]},
        {"role": "user", "content": "\n".join([*ROW["context"], ROW["question"]])},
    ]
    request = [{"role": "user", "content": HARD}]
    for messages, row in ((task, ROW), (request, REQUEST)):
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        assert text.removeprefix(bos) == LAYOUT.render(row)


def test_the_ids_are_those_of_training(model):
    from reset.tokens.encoding import encode_prompts

    tokenizer, _ = model
    request = [{"role": "user", "content": HARD}]
    ids = tokenizer.apply_chat_template(request, add_generation_prompt=True)["input_ids"]
    assert ids == encode_prompts([LAYOUT.render(REQUEST)], tokenizer)[0]


def test_an_answer_ends_as_before(model):
    tokenizer, before = model
    assert end_of_answer(tokenizer) == before


def test_a_server_reads_the_template_from_the_folder(tmp_path):
    save(tmp_path, FAMILIES["llama"])
    layout_template.write(tmp_path, *layout_template.read(Path("prompts/demo")))
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert "### Response" in config["chat_template"]


def test_a_folder_without_layouts_is_named_before_anything_is_made(tmp_path):
    with pytest.raises(
        InputError, match=r"nothing/with_input.txt: cannot be read .*data.templates"
    ):
        layout_template.read(tmp_path / "nothing")


def test_letters_beyond_the_first_plane_stand_in_a_layout_as_they_are(tmp_path):
    save(tmp_path, FAMILIES["llama"])
    layout_template.write(tmp_path, "{instruction} 𠮷 {input}", "😀 {instruction}\n答：")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    request = [{"role": "user", "content": "x"}]
    text = tokenizer.apply_chat_template(request, tokenize=False)
    assert text.removeprefix(tokenizer.bos_token) == "😀 x\n答："

"""Start models that would fail, or train something else, hours later are refused at once."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from reset.core.errors import InputError
from reset.models.folder import ModelSource, make
from tests.support import tiny_llama


@pytest.fixture
def folder(tmp_path):
    return tiny_llama.save(tmp_path / "given")


def models(folder, name="base"):
    """What the stage `models` makes of a folder."""
    out = folder.parent / "models" / name
    make(name, ModelSource("folder", str(folder), None), out)
    return out


def change(path, **entries):
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes"),
        ({"quant_method": "gptq", "bits": 4}, "gptq"),
        ({"quant_method": "awq", "bits": 4}, "awq"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8"),
        ({"bits": 4}, "no method named"),
    ],
)
def test_quantised_models_are_refused(folder, method, shown):
    change(folder / "config.json", quantization_config=method)
    with pytest.raises(InputError, match=rf"models\.base: .*quantised \({shown}\).*unquantised"):
        models(folder)
    assert not (folder.parent / "models/base").exists()


def test_the_text_part_of_a_bigger_configuration_is_looked_at_too(folder):
    change(folder / "config.json", text_config={"quantization_config": {"quant_method": "fp8"}})
    with pytest.raises(InputError, match=r"quantised \(fp8\)"):
        models(folder)


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.int8])
def test_quantised_weights_are_refused_whatever_the_configuration_says(folder, kind):
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] = weights["model.norm.weight"].to(kind)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="holds 'model.norm.weight' as (F8_E4M3|I8): .*bf16"):
        models(folder)


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0{broken}", None])
def test_damaged_weights_are_named(folder, content):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    with pytest.raises(InputError, match="models.base: model.safetensors is damaged or not whole"):
        models(folder)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", "[]", "config.json: expected a JSON object, got list"),
        ("config.json", "{", "config.json: not JSON"),
        ("config.json", '{"model_type": ["llama"]}', "model_type '\\['llama'\\]' is none"),
        ("config.json", '{"model_type": "mistral3"}', "'mistral3' takes pictures, .* of text"),
        (
            "config.json",
            '{"model_type": "llama", "hidden_size": "x"}',
            "its configuration cannot be",
        ),
        ("tokenizer.json", "[]", "its tokenizer cannot be loaded"),
        ("tokenizer_config.json", "[]", "its tokenizer cannot be loaded"),
        ("generation_config.json", "[]", "generation_config.json: expected a JSON object"),
        ("model.safetensors.index.json", "{}", "index.json: expected 'weight_map'"),
        ("model.safetensors.index.json", '{"weight_map": {"a": 1}}', "expected 'weight_map'"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(folder, file, content, message):
    (folder / file).write_text(content)
    with pytest.raises(InputError, match=message):
        models(folder)


def test_an_adapter_beside_whole_weights_is_left_out(folder):
    adapter = {"peft_type": "LORA", "base_model_name_or_path": "/nowhere", "r": 8}
    (folder / "adapter_config.json").write_text(json.dumps(adapter))
    assert not (models(folder) / "adapter_config.json").exists()


def test_an_adapter_alone_is_refused_with_the_remedy(folder):
    shutil.move(folder / "model.safetensors", folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match="models.base: a LoRA adapter without its model; merge"):
        models(folder)

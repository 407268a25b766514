import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen3_5Config

from reset.core.errors import InputError
from reset.training import export
from tests.support import tiny_llama


@pytest.fixture
def start(tmp_path) -> Path:
    return tiny_llama.save(tmp_path / "start")


def write(start: Path, out: Path, bf16: bool = False, weights: Path | None = None) -> None:
    card = export.card("mtl_0", {"seed": 0})
    export.write(
        out, weights or start, start, export.parameters(start), tiny_llama.tokenizer(), card, bf16
    )


def test_the_folder_loads_as_model_and_tokenizer_and_holds_nothing_else(start, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = tmp_path / "models" / "mtl_0"
    write(start, out)
    model = AutoModelForCausalLM.from_pretrained(out)
    for name, parameter in tiny_llama.model().named_parameters():
        assert torch.equal(parameter, model.get_parameter(name))
    assert (
        AutoTokenizer.from_pretrained(out)("w1")["input_ids"]
        == tiny_llama.tokenizer()("w1")["input_ids"]
    )
    assert {path.name for path in out.iterdir()} == {
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_the_tokenizer_is_the_start_models_byte_for_byte(start, tmp_path):
    write(start, tmp_path / "out")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "out" / name).read_bytes() == (start / name).read_bytes()


def test_the_tokens_that_end_an_answer_are_the_start_models(start, tmp_path):
    path = start / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token_id": [2, 7]}))
    write(start, tmp_path / "out")
    assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_bf16_is_in_the_weights_and_in_the_configuration(start, tmp_path):
    write(start, tmp_path / "out", bf16=True)
    assert {t.dtype for t in load_file(tmp_path / "out/model.safetensors").values()} == {
        torch.bfloat16
    }
    assert json.loads((tmp_path / "out/config.json").read_text())["dtype"] == "bfloat16"


def test_sharded_weights_stay_sharded_and_their_index_tells_the_new_size(start, tmp_path):
    from transformers import AutoModelForCausalLM

    parts = tmp_path / "parts"
    tiny_llama.model().save_pretrained(parts, max_shard_size="20KB")
    write(start, tmp_path / "out", bf16=True, weights=parts)
    files = list((tmp_path / "out").glob("model-*.safetensors"))
    index = json.loads((tmp_path / "out" / export.INDEX).read_text())
    assert len(files) > 1
    assert index["metadata"]["total_size"] == 2 * export.count(export.shapes(start))
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert sum(p.numel() for p in loaded.parameters()) == export.count(export.shapes(start))


@pytest.mark.parametrize("damage", ["missing", "shape"])
def test_weights_with_other_parameters_are_refused_and_the_old_folder_stays(
    start, tmp_path, damage
):
    out, bad = tmp_path / "out", tmp_path / "bad"
    write(start, out)
    before = (out / "model.safetensors").read_bytes()
    tensors = load_file(start / "model.safetensors")
    name = "model.norm.weight"
    if damage == "missing":
        del tensors[name]
    else:
        tensors[name] = torch.empty(0)
    bad.mkdir()
    save_file(tensors, bad / "model.safetensors")
    with pytest.raises(InputError, match=f"exported parameters.*the first difference is {name}"):
        write(start, out, weights=bad)
    assert (out / "model.safetensors").read_bytes() == before


def test_a_tied_weight_that_is_stored_twice_is_exported_once(start, tmp_path):
    twice = tmp_path / "twice"
    twice.mkdir()
    tensors = load_file(start / "model.safetensors")
    save_file(
        {**tensors, "lm_head.weight": tensors["model.embed_tokens.weight"].clone()},
        twice / "model.safetensors",
    )
    write(start, tmp_path / "out", weights=twice)
    assert export.shapes(tmp_path / "out") == export.shapes(start)


def test_what_is_no_parameter_of_the_model_is_none_of_its_parameters(start):
    file = start / "model.safetensors"
    tensors, plain = load_file(file), export.parameters(start)
    assert plain == export.shapes(start)
    buffers = {f"model.layers.{i}.self_attn.rotary_emb.inv_freq": torch.ones(4) for i in range(2)}
    twin = {"lm_head.weight": tensors["model.embed_tokens.weight"].clone()}
    save_file(tensors | buffers | twin, file, metadata={"format": "pt"})
    assert export.parameters(start) == plain != export.shapes(start)


def test_a_start_model_that_does_not_fit_its_configuration_is_refused(start):
    file = start / "model.safetensors"
    tensors = load_file(file)
    for spoiled, message in (
        (
            {"lm_head.weight": tensors["model.embed_tokens.weight"] + 1},
            "lm_head.weight and .* differ",
        ),
        ({"model.norm.weight": torch.ones(7)}, "weights and config.json do not fit"),
    ):
        save_file(tensors | spoiled, file, metadata={"format": "pt"})
        with pytest.raises(InputError, match=message):
            export.parameters(start)
    del tensors["model.norm.weight"]
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(InputError, match="its safetensors lack model.norm.weight"):
        export.parameters(start)


def test_sharded_weights_lose_what_is_no_parameter_from_their_index_too(start, tmp_path):
    tiny_llama.model().save_pretrained(start, max_shard_size="20KB")
    (start / "model.safetensors").unlink()
    index = json.loads((start / export.INDEX).read_text())
    file, odd = (
        index["weight_map"]["model.norm.weight"],
        "model.layers.0.self_attn.rotary_emb.inv_freq",
    )
    save_file(
        load_file(start / file) | {odd: torch.ones(4)}, start / file, metadata={"format": "pt"}
    )
    index["weight_map"][odd] = file
    (start / export.INDEX).write_text(json.dumps(index))
    write(start, tmp_path / "out")
    written = json.loads((tmp_path / "out" / export.INDEX).read_text())["weight_map"]
    assert (
        written.keys() == export.shapes(tmp_path / "out").keys() == export.parameters(start).keys()
    )


def test_a_folder_without_weights_is_refused(start, tmp_path):
    with pytest.raises(InputError, match="no safetensors"):
        write(start, tmp_path / "out", weights=tmp_path)


def test_parameters_are_counted_from_the_headers(start):
    assert export.count(export.shapes(start)) == sum(
        p.numel() for p in tiny_llama.model().parameters()
    )


@pytest.mark.parametrize("size", ["20KB", "5GB"], ids=["sharded", "one file"])
@pytest.mark.parametrize("tied", [True, False])
def test_the_parts_that_see_pictures_are_the_start_models(tmp_path, tied, size):
    """Of Qwen3.5, transformers loads and trains the text model alone."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    text = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4, "head_dim": 8}
    text |= {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 64}
    text |= {"linear_num_key_heads": 2, "linear_key_head_dim": 8, "tie_word_embeddings": tied}
    text |= {"linear_num_value_heads": 4, "linear_value_head_dim": 8}
    sight = {"depth": 1, "hidden_size": 32, "num_heads": 4, "out_hidden_size": 32}
    sight |= {"intermediate_size": 64}
    config = Qwen3_5Config(text_config=text, vision_config=sight, tie_word_embeddings=tied)
    published = AutoModelForImageTextToText.from_config(config)
    published.save_pretrained(tmp_path / "start")
    (tmp_path / "start/preprocessor_config.json").write_text('{"patch_size": 16}')
    trained = AutoModelForCausalLM.from_pretrained(tmp_path / "start")
    with torch.no_grad():
        trained.get_input_embeddings().weight += 1
    trained.save_pretrained(tmp_path / "weights", max_shard_size=size)

    write(tmp_path / "start", tmp_path / "out", weights=tmp_path / "weights")
    found, faults = AutoModelForImageTextToText.from_pretrained(
        tmp_path / "out", output_loading_info=True
    )
    assert not faults["missing_keys"] and not faults["unexpected_keys"]
    read = (tmp_path / "out/preprocessor_config.json").read_text()
    assert read == '{"patch_size": 16}'
    for name, parameter in published.named_parameters():
        same = torch.equal(parameter, found.get_parameter(name))
        assert same != (parameter is published.get_input_embeddings().weight)

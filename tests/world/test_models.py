"""The demo's tokenizers cover its texts, and its models load as any others and have learned what
they must.
"""

import random

import pytest
import torch

from reset.core import params
from reset.data.prompts.templates import load
from reset.models import folder
from reset.world.datasets.publish import rows
from reset.world.language.people import World
from reset.world.models import language_models, nli, tokenizer

pytestmark = pytest.mark.integration

WORLD = World(3, 60, 40, 40, 0.7, 0.5, 0.4)
TINY = language_models.LanguageModelRecipe(steps=3, batch=2, length=32, muon=0.01, adamw=0.001)


def test_every_published_text_and_prompt_is_covered_and_comes_back():
    tok = tokenizer.generator_tokenizer()
    texts = [c["text"] for r in rows("nq", WORLD) for c in r["ctxs"]] + [
        r["article"] for r in rows("wikisum", WORLD)
    ]
    texts += [t for r in rows("dolly", WORLD) for t in (r["instruction"], r["response"])]
    for text in texts:
        ids = tok(text)["input_ids"]
        assert ids[0] == tok.bos_token_id and tok.unk_token_id not in ids
        assert tok.decode(ids, skip_special_tokens=True) == text
    row = {
        "task": "extractive_qa",
        "instruction": "",
        "question": "mara eats what?",
        "context": ["mara eats rice."],
    }
    prompt = load("demo").render(row)
    assert prompt.endswith("### Response:")
    assert tok.unk_token_id not in tok(prompt)["input_ids"]


def test_special_tokens_differ_and_survive_saving(tmp_path):
    from transformers import AutoTokenizer

    tokenizer.generator_tokenizer().save_pretrained(tmp_path)
    tok = AutoTokenizer.from_pretrained(tmp_path)
    assert len({tok.pad_token_id, tok.unk_token_id, tok.bos_token_id, tok.eos_token_id}) == 4
    assert tok("Mara eats RICE.")["input_ids"] == tok("mara eats rice.")["input_ids"]


def test_pairs_are_marked_as_premise_and_hypothesis():
    encoded = tokenizer.pair_tokenizer()("mara eats rice.", "mara eats.")
    assert encoded["token_type_ids"] == [0] * 6 + [1] * 4


def test_base_and_chat_load_as_any_model_and_base_is_trained_once(tmp_path, monkeypatch):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    monkeypatch.setattr(folder, "WORK", tmp_path / "work")
    toy = folder.Toy(TINY, TINY, nli.NliRecipe(2, 4, 0.01, 0.001))
    source = folder.ModelSource("toy", None, None)
    folder.make("chat", source, tmp_path / "chat", toy, WORLD)
    monkeypatch.setattr(language_models, "pretrain", None)
    folder.make("base", source, tmp_path / "base", toy, WORLD)
    folder.make("nli", source, tmp_path / "nli", toy, WORLD)
    base, chat = (
        AutoModelForCausalLM.from_pretrained(tmp_path / name) for name in ("base", "chat")
    )
    assert (
        base.generation_config.eos_token_id
        == AutoTokenizer.from_pretrained(tmp_path / "base").eos_token_id
    )
    assert torch.equal(base.model.embed_tokens.weight, chat.model.embed_tokens.weight)
    assert not torch.equal(base.model.norm.weight, chat.model.norm.weight)


def test_equal_worlds_make_equal_models():
    first, second = (language_models.pretrain(WORLD, TINY).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_loss_falls_in_pretraining():
    recipe = language_models.LanguageModelRecipe(
        steps=40, batch=8, length=48, muon=0.012, adamw=0.004
    )
    batch = next(
        language_models._packed(language_models.documents(WORLD, WORLD.rng("probe")), recipe)
    )
    tokens = torch.tensor([row[0] for row in batch])
    before, after = (
        language_models.pretrain(WORLD, r)(input_ids=tokens, labels=tokens).loss.item()
        for r in (TINY, recipe)
    )
    assert after < before - 1


@pytest.fixture(scope="module")
def judge():
    """The demo's NLI model, its tokenizer, and people whom it never met."""
    demo = params.load("params.yaml")
    world = World(**demo["data"]["world"])
    model = nli.train(world, nli.NliRecipe(**demo["models"]["toy"]["nli"]))
    return model, tokenizer.pair_tokenizer(), world.people.everyone("test")


def accuracies(judge, make):
    """Label -> share of 600 made pairs on which the model is right."""
    model, tok, names = judge
    rng = random.Random(0)
    pairs = [make(names, rng) for _ in range(600)]
    with torch.no_grad():
        inputs = tok(
            [p[0] for p in pairs], [p[1] for p in pairs], padding=True, return_tensors="pt"
        )
        found = model(**inputs).logits.argmax(-1).tolist()
    right = {label: [] for label in nli.LABELS}
    for f, pair in zip(found, pairs, strict=True):
        right[pair[2]].append(nli.LABELS[f] == pair[2])
    return {label: sum(values) / len(values) for label, values in right.items()}


@pytest.mark.parametrize("make", [nli.pair, nli._short_answer])
def test_the_demos_entailment_model_is_right_on_people_it_never_met(judge, make):
    assert min(accuracies(judge, make).values()) > 0.95


def test_the_entailment_model_names_its_labels(judge):
    assert judge[0].config.id2label == {0: "entailment", 1: "contradiction", 2: "neutral"}


def test_pairs_hold_all_labels_about_equally_often():
    rng = WORLD.rng("labels")
    labels = [nli.pair(WORLD.people.everyone("train"), rng)[2] for _ in range(900)]
    assert all(250 < labels.count(label) < 350 for label in nli.LABELS)

"""The demo's entailment model: a small BERT over sentence pairs of the world, for SummaC-ZS."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reset.core.params import Count, Natural, NonNegative
from reset.world.language.people import World
from reset.world.language.vocabulary import (
    ADJECTIVES,
    CLOSERS,
    OPENERS,
    RELATIONS,
    fact,
    sentence,
    words,
)
from reset.world.models.optimise import optimise
from reset.world.models.tokenizer import PAD, pair_tokenizer, vocabulary

if TYPE_CHECKING:
    from transformers import BertForSequenceClassification

LABELS = ("entailment", "contradiction", "neutral")
Pair = tuple[str, str, str]
"""Premise, hypothesis, and which of LABELS holds."""


SHARPNESS = 1.4
"""How sharply attention starts on equal words."""


@dataclass(frozen=True)
class NliRecipe:
    """params: models.toy.nli. `steps` of `batch` pairs; rates of Muon (the layers' matrices) and
    AdamW (all else).
    """

    steps: Natural
    batch: Count
    muon: NonNegative
    adamw: NonNegative


def pair(names: tuple[str, ...], rng: random.Random) -> Pair:
    """A random pair on some of `names`, the three labels about equally often.

    A fifth of them is a question with a passage and an answer of one word; the rest are two
    statements.
    """
    return _short_answer(names, rng) if rng.random() < 0.2 else _statements(names, rng)


def _short_answer(names: tuple[str, ...], rng: random.Random) -> Pair:
    """Before the premise stands the question, as SummaC-ZS puts it, and the hypothesis is a value
    alone.

    Entailed: the premise answers the question, by this value. Contradicted: by another one.
    Neutral: the premise tells of another person or relation, whatever the value.
    """
    label = rng.choice(LABELS)
    name, other = rng.sample(names, 2)
    relation, second = rng.sample(RELATIONS, 2)
    value, unlike = rng.sample(relation.values, 2)
    premise = fact(name, relation.verb, value)
    answer = unlike if label == "contradiction" else value
    if label == "neutral":
        foreign = rng.choice(second.values)
        elsewhere = [
            (fact(other, relation.verb, value), value),
            (fact(other, relation.verb, unlike), value),
            (fact(name, second.verb, foreign), foreign),
            (fact(other, second.verb, foreign), foreign),
        ]
        premise, answer = rng.choice(elsewhere)
    asked = f"{name} {relation.verb} what? "
    stopped = sentence(answer) if rng.random() < 0.5 else answer
    return asked + sentence(premise, reported=rng.random() < 0.4), stopped, label


def _statements(names: tuple[str, ...], rng: random.Random) -> Pair:
    """Entailed: the same fact, in whatever dress. Contradicted: another value of the same person
    and relation. Neutral: another person or relation, or a hypothesis that states nothing. Before a
    third of the premises stands a question, which supports nothing.
    """
    label = rng.choice(LABELS)
    name, other = rng.sample(names, 2)
    relation, second = rng.sample(RELATIONS, 2)
    value, unlike = rng.sample(relation.values, 2)
    premise = fact(name, relation.verb, value)
    asked = (
        f"{rng.choice((name, other))} {rng.choice((relation, second)).verb} what? "
        if rng.random() < 0.35
        else ""
    )
    neutral = [
        fact(other, relation.verb, value),
        fact(other, relation.verb, value),
        fact(other, relation.verb, unlike),
        fact(name, second.verb, rng.choice(second.values)),
        fact(name, second.verb, value),
        fact(other, second.verb, rng.choice(second.values)),
        _scrap(name, relation.verb, value, rng),
    ]
    hypothesis = {
        "entailment": premise,
        "contradiction": fact(name, relation.verb, unlike),
        "neutral": rng.choice(neutral),
    }[label]
    if asked.startswith(f"{name} {relation.verb} ") and hypothesis == value:
        asked = ""  # a value alone states nothing, unless it was asked for
    said = sentence(premise, reported=rng.random() < 0.4)
    return asked + said, _dressed(hypothesis, rng), label


def _scrap(name: str, verb: str, value: str, rng: random.Random) -> str:
    """What a broken answer may hold: fewer or more words than a statement."""
    return rng.choice(
        (
            name,
            value,
            f"{name} {verb}",
            f"{verb} {value}",
            f"{name} {value}",
            rng.choice(CLOSERS),
            " ".join(rng.choices(words(), k=rng.randint(1, 6))),
        )
    )


def _dressed(statement: str, rng: random.Random) -> str:
    dress = rng.random()
    if dress < 0.1:
        statement = f"{rng.choice(OPENERS)} {statement}"
    elif dress < 0.2:
        statement = f"on a {rng.choice(ADJECTIVES)} day {statement}"
    return sentence(statement, reported=rng.random() < 0.15) if rng.random() < 0.97 else statement


def train(world: World, recipe: NliRecipe) -> BertForSequenceClassification:
    """A two-layer BERT trained on pairs of training people; of the test split at most a name
    occurs, in a scrap.

    The model has to compare words, not to learn them, and so it judges people whom it has never
    met.
    """
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=len(vocabulary()),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=128,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=PAD,
        id2label=dict(enumerate(LABELS)),
        label2id={label: i for i, label in enumerate(LABELS)},
        initializer_range=0.1,
    )
    with torch.random.fork_rng():  # BERT draws its first weights from the global generator
        torch.manual_seed(world.seed)
        model = BertForSequenceClassification(config)
    _look_for_equal_words(model)
    tokenizer, rng, names = pair_tokenizer(), world.rng("nli"), world.people.everyone("train")

    def loss() -> torch.Tensor:
        premises, hypotheses, labels = zip(
            *(pair(names, rng) for _ in range(recipe.batch)), strict=True
        )
        inputs = tokenizer(list(premises), list(hypotheses), padding=True, return_tensors="pt")
        targets = torch.tensor([LABELS.index(label) for label in labels])
        return model(**inputs, labels=targets).loss

    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    matrices = [p for n, p in trained if ".layer." in n and p.ndim == 2]
    optimise(model, matrices, recipe, loss, "nli")
    return model


def _look_for_equal_words(model: BertForSequenceClassification) -> None:
    """Start the first layer as a comparison of words: three of its four heads attend to equal
    words, wherever they stand, and bring back which of the two texts those stand in. Word
    embeddings stay as they are drawn here.

    From a random start, a model of this size needs far more steps to find out that equality is what
    counts.
    """
    import torch

    embeddings, first = model.bert.embeddings, model.bert.encoder.layer[0].attention.self
    word = (
        model.config.hidden_size * 3 // 4
    )  # dimensions that tell words apart; the rest tell the texts apart
    with torch.no_grad():
        words_, texts = embeddings.word_embeddings.weight, embeddings.token_type_embeddings.weight
        words_.mul_(1.0 / model.config.initializer_range)[:, word:] = 0.0
        texts[0], texts[1] = -1.0, 1.0
        texts[:, :word] = 0.0
        same = torch.zeros_like(first.query.weight)
        same[:word, :word] = SHARPNESS * torch.eye(word)
        for projection in (first.query, first.key):
            projection.weight.copy_(same)
    words_.requires_grad = False

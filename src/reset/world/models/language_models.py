"""The demo's two language models: `base`, pre-trained from scratch, and `chat`, base tuned on
instructions.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reset.core.params import Count, Natural, NonNegative
from reset.world.language.exercises import TRAINED, answer, request
from reset.world.language.people import World
from reset.world.models.optimise import optimise
from reset.world.models.pretraining_text import TextPart, documents
from reset.world.models.tokenizer import BOS, EOS, PAD, PROMPTS, TOKEN, vocabulary

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM

REPLAY = 0.4
"""Share of pre-training texts in the tuning of `chat`."""


@dataclass(frozen=True)
class LanguageModelRecipe:
    """params: models.toy.base and models.toy.chat. Steps of `batch` rows with `length` tokens;
    rates of Muon (the matrices) and AdamW (all else).
    """

    steps: Natural
    batch: Count
    length: Count
    muon: NonNegative
    adamw: NonNegative


def pretrain(world: World, recipe: LanguageModelRecipe) -> LlamaForCausalLM:
    """A two-layer Llama of 380,000 parameters that knows the world's people and can copy from what
    it reads.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(vocabulary()),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
    )
    with torch.random.fork_rng():  # Llama draws its first weights from the global generator
        torch.manual_seed(world.seed)
        model = LlamaForCausalLM(config)
    _fit(model, _packed(documents(world, world.rng("pretraining")), recipe), recipe, "base")
    return model


def tune(model: LlamaForCausalLM, world: World, recipe: LanguageModelRecipe) -> LlamaForCausalLM:
    """`model` trained on requests of its own (the people and the carelessness of the instruction
    sets), with a share of pre-training texts, so that it does not forget how to read. Embeddings
    stay as they are, because names that tuning does not show would be pushed away.
    """
    model.model.embed_tokens.weight.requires_grad = False
    _fit(model, _single(_chats(world, world.rng("chat")), recipe), recipe, "chat")
    return model


def _chats(world: World, rng: random.Random) -> Iterator[list[TextPart]]:
    template = (PROMPTS / "without_input.txt").read_text(encoding="utf-8")
    texts = documents(world, rng)
    while True:
        if rng.random() < REPLAY:
            yield next(texts)
            continue
        asked = request(rng.choice(TRAINED), world.people.known("train"), rng)
        yield [
            (template.format(instruction=asked.text()), 0.0),
            (answer(asked, world, rng, world.obedience), 1.0),
        ]


Row = tuple[list[int], list[float]]
"""Token ids, and what each weighs in the loss."""


def _encoded(parts: list[TextPart], ids: dict[str, int]) -> Row:
    """`<s>` (unweighted), the parts, `</s>`."""
    tokens, weights = [BOS], [0.0]
    for text, weight in parts:
        part = [ids[token] for token in re.findall(TOKEN, text.lower())]
        tokens += part
        weights += [weight] * len(part)
    return [*tokens, EOS], [*weights, weights[-1]]


def _packed(texts: Iterator[list[TextPart]], recipe: LanguageModelRecipe) -> Iterator[list[Row]]:
    """Batches of full rows: texts one after the other, the last one of a row cut."""
    ids = vocabulary()
    while True:
        batch = []
        for _ in range(recipe.batch):
            tokens: list[int] = []
            weights: list[float] = []
            while len(tokens) < recipe.length:
                more = _encoded(next(texts), ids)
                tokens, weights = tokens + more[0], weights + more[1]
            batch.append((tokens[: recipe.length], weights[: recipe.length]))
        yield batch


def _single(texts: Iterator[list[TextPart]], recipe: LanguageModelRecipe) -> Iterator[list[Row]]:
    """Batches of one text a row, cut at `length` and filled up with unweighted padding."""
    ids = vocabulary()
    while True:
        rows = [_encoded(next(texts), ids) for _ in range(recipe.batch)]
        rows = [(tokens[: recipe.length], weights[: recipe.length]) for tokens, weights in rows]
        longest = max(len(tokens) for tokens, _ in rows)
        yield [(t + [PAD] * (longest - len(t)), w + [0.0] * (longest - len(w))) for t, w in rows]


def _fit(
    model: LlamaForCausalLM, batches: Iterator[list[Row]], recipe: LanguageModelRecipe, name: str
) -> None:
    """Train in place on the next `steps` batches; the matrices but the embeddings by Muon."""
    import torch

    def loss() -> torch.Tensor:
        rows = next(batches)
        tokens = torch.tensor([row[0] for row in rows])
        weights = torch.tensor([row[1] for row in rows])[:, 1:]
        logits = model(input_ids=tokens).logits[:, :-1]
        found = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none"
        )
        return (found * weights.flatten()).sum() / weights.sum()

    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    matrices = [p for n, p in trained if p.ndim == 2 and "embed" not in n]
    optimise(model, matrices, recipe, loss, name)

"""A reward model as the judge of instruction following: any sequence classifier with one output.

The request and the answer are put into the chat template of the model's own tokenizer as a user's
and an assistant's turn; a model without a template gets them as a pair of texts. Chat tokens in
them are broken up (`chat_tokens`), or an answer could write the user's next turn. The score is the
logistic function of the output, so that it lies between 0 and 1 and keeps the model's order. It is
continuous, so ties are rare.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.core.io import Row
from reset.judges.common.scoring_model import ScoringModel, Tokens
from reset.judges.common.verdicts import Pair
from reset.judges.instruction import chat_tokens
from reset.judges.instruction.llm import measured, request_of
from reset.judges.instruction.settings import RewardSettings
from reset.tokens import chat_template

FOLDER = Path("models/reward")
SECTION = "judges.instruction.reward"


def judge_by_reward(
    pairs: Sequence[Pair], settings: RewardSettings, folder: Path = FOLDER, progress: bool = False
) -> list[Row]:
    """One verdict a (prompt, generation) pair, in order: score (0 to 1; None for a text longer than
    the model takes), and no ratings or replies.

    InputError, before any weight is loaded, where the model has other than one output.
    """
    _check_outputs(folder)
    kind = "AutoModelForSequenceClassification"
    model = ScoringModel(folder, kind, settings.precision, settings.devices, SECTION)
    texts = [_tokens(model.tokenizer, request_of(prompt), row["text"]) for prompt, row in pairs]
    limit = _longest(model)
    short = {tokens for tokens in texts if len(tokens) <= limit}
    scores = model.run(short, settings.batch_tokens, _read, progress)
    return [_verdict(scores.get(tokens), limit) for tokens in texts]


def _check_outputs(folder: Path) -> None:
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(
            f"{folder}: no model is here; set models.reward in params.yaml, or another back end in"
            " judges.instruction.backend"
        )
    config = json.loads(path.read_text(encoding="utf-8"))
    labels = config.get("id2label") or {"0": "", "1": ""}  # what transformers assumes
    if len(labels) != 1:
        raise InputError(
            f"{path}: expected a reward model with one output, got {len(labels)} outputs"
        )


def _tokens(tokenizer: Any, request: str, answer: str) -> Tokens:
    request, answer = chat_tokens.neutralise(request), chat_tokens.neutralise(answer)
    if not tokenizer.chat_template:
        return tuple(tokenizer(request, answer)["input_ids"])
    turns = [{"role": "user", "content": request}, {"role": "assistant", "content": answer}]
    text = chat_template.apply_template(tokenizer, turns)
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def _longest(model: ScoringModel) -> int:
    positions = getattr(model.config, "max_position_embeddings", None)
    limits = [model.tokenizer.model_max_length]  # a very large number where the tokenizer has none
    return min(limits + ([positions] if positions else []))


def _read(model: Any, batch: list[Tokens], tensors: dict[str, Any]) -> list[float]:
    return model(**tensors).logits[:, 0].float().sigmoid().tolist()


def _verdict(score: float | None, limit: int) -> Row:
    if score is None:
        return measured(None, f"request and answer are longer than the model's {limit} tokens")
    return measured(round(score, 6))

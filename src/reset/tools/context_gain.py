"""How far the target of a training row depends on its context: the loss that the context saves a
model.

The loss-of-context-awareness paper (arXiv 2411.02688) marks context-dependent rows by a model's
attention to the context. The difference of two losses is our measure of the same: it needs nothing
from inside the model.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.core.io import Row
from reset.data.prompts.templates import Templates
from reset.tokens import encoding
from reset.tokens.encoding import IGNORE
from reset.training import batches, run

ROWS = 16  # at once


def gains(
    rows: Sequence[Row], templates: Templates, folder: Path, max_length: int
) -> list[float | None]:
    """For each row, in order: mean loss per target token without the context, less that with it
    (nats); None for a row without context. Above 0: the model finds the target in the context;
    about 0: it knows or ignores.

    `rows` are training rows with `context`, `prompt` and `target`, `folder` a model folder.
    InputError for a row that is longer than `max_length` tokens.
    """
    placed = [place for place, row in enumerate(rows) if row["context"]]
    bare = [{**rows[place], "prompt": templates.render(rows[place], [])} for place in placed]
    both = losses([*(rows[place] for place in placed), *bare], folder, max_length)
    found: list[float | None] = [None] * len(rows)
    for number, place in enumerate(placed):
        found[place] = both[len(placed) + number] - both[number]
    return found


def losses(rows: Sequence[Row], folder: Path, max_length: int) -> list[float]:
    """The model's mean loss per target token (EOS included) of each row, in order, in nats."""
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = run.load_tokenizer(folder)
    examples = encoding.encode(list(rows), tokenizer, max_length, str(folder))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True
    )
    model = model.to(device).eval()
    found = [0.0] * len(rows)
    order = sorted(range(len(rows)), key=lambda i: -len(examples[i].input_ids))
    for start in range(0, len(order), ROWS):
        part = order[start : start + ROWS]
        padded = batches.padded([examples[i] for i in part])
        inputs = {key: tensor.to(device) for key, tensor in padded.items()}
        labels = inputs.pop("shift_labels")
        del inputs["labels"]
        with torch.inference_mode():
            logits = model(**inputs, use_cache=False).logits
        lost = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), labels, ignore_index=IGNORE, reduction="none"
        )
        means = lost.sum(1) / (labels != IGNORE).sum(1)
        for i, mean in zip(part, means.tolist(), strict=True):
            found[i] = mean
    return found


def summary(
    rows: Sequence[Row], found: Sequence[float | None], least: float
) -> dict[str, tuple[int, float, int]]:
    """By data set: rows with a context, their mean gain, and how many gain `least` or more.
    InputError for none.
    """
    sets: dict[str, list[float]] = {}
    for row, gain in zip(rows, found, strict=True):
        if gain is not None:
            sets.setdefault(row["dataset"], []).append(gain)
    if not sets:
        raise InputError("no row has a context; take those of data/mixes/context")
    counted = {}
    for name, gains in sets.items():
        large = sum(gain >= least for gain in gains)
        counted[name] = (len(gains), sum(gains) / len(gains), large)
    return counted

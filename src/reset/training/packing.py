"""Whether a model keeps packed rows apart: in some, attention crosses packed rows, whatever the
position ids say.
"""

from collections.abc import Callable, Sequence
from typing import Any

from reset.core.errors import InputError
from reset.tokens.encoding import IGNORE, Example
from reset.training import batches

# Mean shift of the next-token probabilities (total variation distance) above which attention
# crosses packed rows. Rounding shifts them by 1e-6 in fp32 and up to 0.03 in bf16; attention across
# rows of SmolLM2-135M by 0.4.
CROSSED = {"fp32": 1e-4, "bf16": 0.1}


def check(
    forward: Callable[[dict[str, Any]], Any], rows: Sequence[Example], precision: str
) -> None:
    """Raise InputError if the model's answer to the last packed row differs from its answer to the
    same row padded.

    `forward` takes the tensors of `reset.training.batches` without the labels, and returns logits
    at the kept positions.
    """
    import torch

    answer = len(rows[-1].input_ids) - rows[-1].prompt_length
    probabilities = []
    for layout in (batches.padded, batches.packed):
        inputs = layout(rows)
        targets = inputs.pop("labels") != IGNORE
        del inputs["shift_labels"]
        with torch.no_grad():
            logits = forward(inputs)
        probabilities.append(logits.float().softmax(-1)[targets.to(logits.device)][-answer:])
    shift = (probabilities[0] - probabilities[1]).abs().sum(-1).mean().item() / 2
    if shift > CROSSED[precision]:
        raise InputError(
            "params.yaml: train.shared.packing: this model does not keep packed rows apart (its"
            f" next-token probabilities shift by {shift:.2g} against padded rows); set false"
        )

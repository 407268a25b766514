"""Which rows make one optimizer step, and how they lie in tensors: fixed by the seed, not by the
hardware.
"""

import random
from collections.abc import Sequence
from typing import Any

from reset.tokens.encoding import IGNORE, Example

Batch = list[int]  # indices of examples


def optimizer_batches(
    lengths: Sequence[int], batch: int, epochs: int, window: int, seed: int
) -> list[Batch]:
    """The rows of every optimizer step: each example once an epoch, `batch` a step, an epoch's last
    step the rest.

    Rows are shuffled, cut into windows of `window` steps, sorted by length inside a window and
    dealt to its steps: window 1 leaves the steps as random as without sorting (it only orders the
    rows inside one); a larger window pads less, and makes the rows of a step alike in length. The
    number of processes and micro-batches has no influence.
    """
    rng = random.Random(f"batches {seed}")
    steps: list[Batch] = []
    for _ in range(epochs):
        order = list(range(len(lengths)))
        rng.shuffle(order)
        full: list[Batch] = []
        for start in range(0, len(order), batch * window):
            rows = sorted(order[start : start + batch * window], key=lambda i: -lengths[i])
            full += [rows[i : i + batch] for i in range(0, len(rows), batch)]
        rest = [full.pop()] if len(full[-1]) < batch else []
        if window > 1:
            rng.shuffle(full)
        steps += full + rest
    return steps


def micro_batches(
    steps: list[Batch],
    micro: int,
    accumulation: int,
    processes: int,
    rank: int,
    lengths: Sequence[int] | None = None,
) -> list[Batch]:
    """What one process runs: for each step `accumulation` micro-batches, of `micro` rows on average
    over the processes.

    Rows of similar length run at the same time on all processes. With `lengths`, for packed rows,
    they are dealt so that all processes have about as many tokens; without, for padded rows, in
    slices of falling length, since padding costs as much as the longest row does. Where rows run
    short (the last step of an epoch) a micro-batch is empty; `padded` and `packed` make it a row
    without targets, so that every process goes through the model equally often.
    """
    plan: list[Batch] = []
    for step in steps:
        for i in range(accumulation):
            rows = step[i * processes * micro : (i + 1) * processes * micro]
            if lengths is None:
                plan.append(rows[rank * micro : (rank + 1) * micro])
            else:
                plan.append(deal(rows, lengths, processes)[rank])
    return plan


def deal(rows: Batch, lengths: Sequence[int], processes: int) -> list[Batch]:
    """Rows, given by falling length, each to the process with the fewest tokens so far.

    No process gets more tokens than `len(rows) / processes` of the longest row: one that has its
    share of rows gets a further one only while another has fewer rows, and at least as many tokens.
    """
    shares: list[Batch] = [[] for _ in range(processes)]
    tokens = [0] * processes
    for row in rows:
        least = tokens.index(min(tokens))
        shares[least].append(row)
        tokens[least] += lengths[row]
    return shares


def padded(examples: Sequence[Example]) -> dict[str, Any]:
    """Tensors of one micro-batch, right-padded.

    Out: `input_ids` and `attention_mask` [rows, longest]; `logits_to_keep` [kept], the positions at
    which some row predicts a target token; `labels` and `shift_labels` [rows, kept], the token that
    follows each of these, IGNORE where it is none of the row's targets. Logits exist at the kept
    positions alone: over a large vocabulary, most of the head's time and memory would go to prompt
    tokens that no loss looks at. Padding is identified by length, not by its id, so a tokenizer
    whose pad is its EOS keeps the EOS as a target.
    """
    import torch
    from torch.nn.utils.rnn import pad_sequence

    ids, following = _rows(examples)
    tensors = {
        "input_ids": pad_sequence(ids, batch_first=True),
        "attention_mask": pad_sequence([torch.ones_like(row) for row in ids], batch_first=True),
    }
    return _with_targets(tensors, pad_sequence(following, batch_first=True, padding_value=IGNORE))


def packed(examples: Sequence[Example]) -> dict[str, Any]:
    """Tensors of one micro-batch laid end to end in one row, without padding; out as of `padded`,
    but for `position_ids` [1, all tokens], which restart at each example (the attention mask
    follows from them), in place of `attention_mask`.
    """
    import torch

    ids, following = _rows(examples)
    positions = [torch.arange(len(row)) for row in ids]
    # with a cache the model would not look for restarts in the positions, and rows would see each
    # other
    tensors = {
        "input_ids": torch.cat(ids)[None],
        "position_ids": torch.cat(positions)[None],
        "use_cache": False,
    }
    return _with_targets(tensors, torch.cat(following)[None])


def _rows(examples: Sequence[Example]) -> tuple[list[Any], list[Any]]:
    """The token ids of each row, and of each the token that follows, IGNORE where that is none of
    the row's targets; without rows, one that has no target.
    """
    import torch

    ids, following = [], []
    for example in examples or [Example([0], 1)]:
        row = torch.tensor(example.input_ids, dtype=torch.long)
        after = torch.full_like(row, IGNORE)
        after[example.prompt_length - 1 : -1] = row[example.prompt_length :]
        ids.append(row)
        following.append(after)
    return ids, following


def _with_targets(tensors: dict[str, Any], following: Any) -> dict[str, Any]:
    kept = (following != IGNORE).any(dim=0).nonzero().flatten()
    if not len(kept):
        kept = kept.new_zeros(1)
    labels = following[:, kept]
    return {**tensors, "logits_to_keep": kept, "labels": labels, "shift_labels": labels}

import random
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reset.tokens.encoding import IGNORE, encode
from reset.training.batches import deal, micro_batches, optimizer_batches, packed, padded
from tests.support import tiny_llama

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=60)


@given(LENGTHS, st.integers(1, 9), st.integers(1, 3), st.integers(1, 4), st.integers(0, 99))
def test_every_example_is_in_each_epoch_once(lengths, batch, epochs, window, seed):
    steps = optimizer_batches(lengths, batch, epochs, window, seed)
    per_epoch = -(-len(lengths) // batch)
    assert len(steps) == epochs * per_epoch
    for epoch in range(epochs):
        part = steps[epoch * per_epoch : (epoch + 1) * per_epoch]
        assert sorted(i for step in part for i in step) == list(range(len(lengths)))
        assert all(len(step) == batch for step in part[:-1])


def test_the_order_follows_from_the_seed_and_differs_between_epochs_and_seeds():
    lengths = list(range(1, 41))
    once = optimizer_batches(lengths, 4, 2, 1, seed=1)
    assert once == optimizer_batches(lengths, 4, 2, 1, seed=1)
    assert once != optimizer_batches(lengths, 4, 2, 1, seed=2)
    assert once[:10] != once[10:]


def test_window_1_sorts_inside_a_step_only_and_a_larger_window_pads_less():
    lengths = [1 + (i * 37) % 50 for i in range(64)]

    def padding(steps):
        return sum(max(lengths[i] for i in step) * len(step) for step in steps) - sum(lengths)

    narrow, wide = (optimizer_batches(lengths, 8, 1, window, seed=3) for window in (1, 8))
    shuffled = {lengths[step[0]] for step in narrow}
    assert len(shuffled) > 1 and all(
        lengths[a] >= lengths[b] for s in narrow for a, b in zip(s, s[1:], strict=False)
    )
    assert padding(wide) < padding(narrow) / 2


@given(LENGTHS, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_processes_and_micro_batches_share_out_each_step_exactly(
    lengths, micro, accumulation, processes, dealt
):
    steps = optimizer_batches(lengths, micro * accumulation * processes, 1, 1, seed=0)
    by = lengths if dealt else None
    plans = [
        micro_batches(steps, micro, accumulation, processes, rank, by) for rank in range(processes)
    ]
    for number, step in enumerate(steps):
        part = slice(number * accumulation, (number + 1) * accumulation)
        assert sorted(i for plan in plans for some in plan[part] for i in some) == sorted(step)
    assert {len(plan) for plan in plans} == {len(steps) * accumulation}


@given(LENGTHS, st.integers(1, 9), st.integers(1, 3), st.integers(1, 3))
def test_dealing_changes_nothing_for_one_process(lengths, batch, epochs, accumulation):
    steps = optimizer_batches(lengths, batch * accumulation, epochs, 1, seed=0)
    plain = micro_batches(steps, batch, accumulation, 1, 0)
    assert micro_batches(steps, batch, accumulation, 1, 0, lengths) == plain


@given(LENGTHS, st.integers(1, 4), st.integers(1, 8))
def test_no_process_is_dealt_more_tokens_than_its_rows_of_the_longest(lengths, micro, processes):
    (rows, *_) = optimizer_batches(lengths, micro * processes, 1, 1, seed=0)
    shares = deal(rows, lengths, processes)
    most = max(sum(lengths[row] for row in share) for share in shares)
    assert most <= micro * max(lengths[row] for row in rows)


# Rows as `context` and `mtl` have them: characters a token, and the paper's limit on both together.
CHARACTERS, LIMIT = 4, 2048
CONTEXT = ("nq", "ms_marco", "cnn_dailymail", "dolly")
INSTRUCTION = ("oasst1", "self_instruct", "sharegpt")
# Lengths of 20 rows each, where the published rows are not at hand.
FIXED = {
    CONTEXT: [
        26, 61, 91, 108, 125, 140, 159, 180, 216, 300, 430, 500, 567, 575, 581, 590, 660, 741, 980,
        1191,
    ],
    INSTRUCTION: [
        27, 40, 62, 90, 119, 190, 256, 280, 306, 340, 372, 480, 624, 900, 1209, 1400, 1528, 1580,
        1630, 1700,
    ],
}  # fmt: skip


def spread(names: tuple[str, ...]) -> list[int]:
    """400 lengths a data set, of the published rows in ../shared/data where these are there."""
    folder = Path("../shared/data")
    rng = random.Random(0)
    lengths = []
    for name in names:
        if not folder.is_dir():
            lengths += rng.choices(FIXED[CONTEXT if name in CONTEXT else INSTRUCTION], k=400)
            continue
        lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        found = [min(LIMIT, max(8, len(line) // CHARACTERS)) for line in lines]
        lengths += rng.choices(found, k=400)
    return lengths


def useful(lengths: list[int], batch: int, processes: int, by: list[int] | None) -> float:
    """Share of the time that processes compute, each waiting for the slowest micro-batch."""
    micro = batch // processes
    steps = optimizer_batches(lengths, batch, 1, 1, seed=0)
    plans = [micro_batches(steps, micro, 1, processes, rank, by) for rank in range(processes)]
    time = 0
    for together in zip(*plans, strict=True):
        time += max(sum(lengths[row] for row in rows) for rows in together)
    return sum(lengths) / (processes * time)


@pytest.mark.parametrize(
    ("names", "batch", "least"),
    [(CONTEXT, 16, 0.75), (INSTRUCTION, 32, 0.95), (CONTEXT + INSTRUCTION, 32, 0.95)],
)
def test_eight_processes_are_busy_at_the_papers_batches_on_rows_of_published_lengths(
    names, batch, least
):
    lengths = spread(names)
    dealt, sliced = (useful(lengths, batch, 8, by) for by in (lengths, None))
    assert dealt > least and dealt > 1.5 * sliced, (dealt, sliced)


def test_padding_keeps_targets_with_the_positions_that_predict_them():
    tokenizer = tiny_llama.tokenizer()
    rows = [
        {"id": "a", "prompt": "w1 w2 w3", "target": "w4"},
        {"id": "b", "prompt": "w5", "target": "w6 w7"},
    ]
    tensors = padded(encode(rows, tokenizer, 9, "rows"))
    assert tensors["attention_mask"].tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]
    assert tensors["logits_to_keep"].tolist() == [0, 1, 2, 3]
    words = [
        [tokenizer.decode([t]) if t != IGNORE else "-" for t in row]
        for row in tensors["shift_labels"].tolist()
    ]
    assert words == [["-", "-", "w4", "</s>"], ["w6", "w7", "</s>", "-"]]


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "gemma", "gemma2", "mistral"])
def test_padded_packed_and_row_by_row_losses_are_the_same(kind):
    model = tiny_llama.model(kind, head_dim=8).eval()
    examples = encode(tiny_llama.rows(5), tiny_llama.tokenizer(), 64, "rows")
    one = torch.ones(())
    with torch.no_grad():
        alone = 0.0
        for example in examples:  # the plain way: all logits, labels beside the ids
            ids, labels = torch.tensor([example.input_ids]), torch.tensor([example.labels])
            alone += model(input_ids=ids, labels=labels, num_items_in_batch=one).loss.item()
        together = [
            model(**layout(examples), num_items_in_batch=one).loss.item()
            for layout in (padded, packed)
        ]
    assert together == pytest.approx([alone, alone], rel=1e-5)


@pytest.mark.parametrize("layout", [padded, packed])
def test_an_empty_micro_batch_weighs_nothing(layout):
    model = tiny_llama.model()
    loss = model(**layout([]), num_items_in_batch=torch.tensor(5)).loss
    loss.backward()
    assert loss.item() == 0.0
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reset.tokens.encoding import IGNORE, encode
from reset.training.batches import micro_batches, optimizer_batches, packed, padded
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


@given(LENGTHS, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_processes_and_micro_batches_share_out_each_step_exactly(
    lengths, micro, accumulation, processes
):
    steps = optimizer_batches(lengths, micro * accumulation * processes, 1, 1, seed=0)
    plans = [
        micro_batches(steps, micro, accumulation, processes, rank) for rank in range(processes)
    ]
    for number, step in enumerate(steps):
        part = slice(number * accumulation, (number + 1) * accumulation)
        assert sorted(i for plan in plans for some in plan[part] for i in some) == sorted(step)
    assert {len(plan) for plan in plans} == {len(steps) * accumulation}


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

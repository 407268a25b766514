import torch

from reset.generation.decoding import Draw, Setting
from reset.generation.engines.token_sampler import TokenSampler, invert, uniform


def test_uniform_numbers_fill_the_unit_interval_evenly_and_differ_by_seed_and_step():
    seeds = torch.arange(1000) * 2**40
    numbers = torch.stack([uniform(seeds, step) for step in range(50)])
    assert 0 <= numbers.min() and numbers.max() < 1 and numbers.unique().numel() == 50_000
    counts = torch.histc(numbers, 20, 0, 1)
    assert ((counts - 2500) ** 2 / 2500).sum() < 50  # chi-square, 19 degrees of freedom
    for one, two in ((numbers[1:], numbers[:-1]), (numbers[:, 1:], numbers[:, :-1])):
        assert abs(torch.corrcoef(torch.stack([one.flatten(), two.flatten()]))[0, 1]) < 0.02


def test_uniform_is_splitmix64():
    expected = [
        16294208416658607535,
        7960286522194355700,
        487617019471545679,
    ]  # published outputs for seed 0
    got = [float(uniform(torch.tensor([0]), step)) for step in range(3)]
    assert got == [(value >> 11) * 2.0**-53 for value in expected]


def test_top_k_draws_only_the_k_likeliest_and_leaves_other_rows_alone():
    logits = torch.tensor([[5.0, 4.0, 3.0, 2.0, 1.0, -30.0]]).repeat(3000, 1)
    draws = [Draw(i, Setting(2.0, 2 if i % 2 else None), i * 31) for i in range(3000)]
    tokens = TokenSampler(draws, "cpu").choose(logits, 0)
    assert set(tokens[1::2].tolist()) == {0, 1}
    assert set(tokens[::2].tolist()) == {0, 1, 2, 3, 4}


def test_inversion_by_blocks_finds_the_column_that_plain_cumulation_finds():
    generator = torch.Generator().manual_seed(0)
    for columns in (3, 256, 300, 1000):
        mass = torch.rand(500, columns, generator=generator)
        mass[mass < 0.7] = 0  # most columns are never to be drawn
        mass[:, 0] += 1e-3
        number = torch.rand(500, generator=generator, dtype=torch.float64)
        number[:3] = torch.tensor([0.0, 1 - 2**-53, 0.5])
        whole = mass.cumsum(-1, dtype=torch.float64)
        expected = torch.searchsorted(whole, number[:, None] * whole[:, -1:], right=True)[:, 0]
        found = invert(mass, number)
        assert (found == expected).float().mean() > 0.99  # at a step, rounding may decide otherwise
        assert (mass.gather(1, found[:, None]) > 0).all()

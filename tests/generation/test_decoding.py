from collections import Counter

import pytest

from reset.core.errors import InputError
from reset.generation.decoding import GREEDY, Draw, Grid, Setting, draw_seed, greedy_draws

GRID = Grid([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], [5, 10, 20, 50, 70, 90, 100], 1.0)


def test_one_round_enumerates_the_seven_values_of_one_parameter():
    draws = GRID.draws("nq:1", rounds=1, seed=0)
    settings = [draw.setting for draw in draws]
    by_temperature = [Setting(t) for t in GRID.temperatures]
    by_top_k = [Setting(1.0, k) for k in GRID.top_k]
    assert settings in (by_temperature, by_top_k)
    assert [draw.sample for draw in draws] == list(range(7))


def test_both_parameters_are_picked_for_about_half_of_the_prompts():
    picked = Counter(GRID.draws(f"nq:{n}", 1, 0)[0].setting.top_k is None for n in range(2000))
    assert 900 < picked[True] < 1100


@pytest.mark.parametrize(
    "grid, settings",
    [
        (Grid([0.1, 0.2], [], 1.0), [Setting(0.1), Setting(0.2)]),
        (Grid([], [5, 9], 0.8), [Setting(0.8, 5), Setting(0.8, 9)]),
    ],
)
def test_a_parameter_without_values_is_not_used(grid, settings):
    for number in range(20):
        assert [draw.setting for draw in grid.draws(f"nq:{number}", 2, 0)] == settings * 2


def test_one_parameter_alone_draws_what_it_draws_beside_the_other():
    alone = Grid(GRID.temperatures, [], 1.0)
    both = [GRID.draws(f"nq:{number}", 1, 0) for number in range(20)]
    assert any(draws == alone.draws(f"nq:{number}", 1, 0) for number, draws in enumerate(both))


def test_two_rounds_number_their_samples_through_and_share_no_seed():
    draws = GRID.draws("nq:1", rounds=2, seed=0)
    assert [draw.sample for draw in draws] == list(range(14))
    assert len({draw.seed for draw in draws}) == 14


def test_a_second_round_with_the_same_parameter_draws_anew():
    both = [GRID.draws(f"nq:{n}", 2, 0) for n in range(50)]
    twice = [draws for draws in both if len({draw.setting for draw in draws}) == 7]
    assert twice and all(len({draw.key for draw in draws}) == 14 for draws in twice)


def test_a_seed_depends_on_run_prompt_setting_and_round_and_on_nothing_else():
    base = draw_seed(0, "nq:1", Setting(0.5), 0)
    others = [
        draw_seed(1, "nq:1", Setting(0.5), 0),
        draw_seed(0, "nq:2", Setting(0.5), 0),
        draw_seed(0, "nq:1", Setting(0.6), 0),
        draw_seed(0, "nq:1", Setting(0.5, 5), 0),
        draw_seed(0, "nq:1", Setting(0.5), 1),
    ]
    assert draw_seed(0, "nq:1", Setting(0.5), 0) == base
    assert base not in others and len(set(others)) == 5
    assert all(0 <= seed < 2**63 for seed in others)


def test_a_pool_of_two_rounds_begins_with_the_pool_of_one():
    assert GRID.draws("nq:1", 2, 0)[:7] == GRID.draws("nq:1", 1, 0)


def test_greedy_settings_share_one_key_whatever_their_seed():
    greedy = [Draw(0, GREEDY, 1), Draw(1, Setting(0.0, 5), 2), Draw(2, Setting(1.0, 1), 3)]
    assert len({draw.key for draw in greedy}) == 1
    assert Draw(0, Setting(1.0, 5), 1).key != Draw(0, Setting(1.0, 5), 2).key


def test_the_papers_temperature_zero_makes_all_samples_of_a_top_k_round_equal():
    grid = Grid([0.1], [5, 10, 20, 50, 70, 90, 100], top_k_temperature=0.0)
    keys = [{draw.key for draw in grid.draws(f"nq:{n}", 1, 0)} for n in range(20)]
    assert {len(key) for key in keys} == {1}


def test_settings_are_written_as_the_contract_says():
    assert GREEDY.row() == {"greedy": True}
    assert Setting(0.3).row() == {"temperature": 0.3, "top_k": None}
    assert Setting(1.0, 20).row() == {"temperature": 1.0, "top_k": 20}


def test_greedy_draws_hold_no_seed():
    assert greedy_draws() == (Draw(0, GREEDY, 0),)


def test_a_grid_without_values_is_refused():
    with pytest.raises(InputError, match="one needs values"):
        Grid([], [], 1.0)

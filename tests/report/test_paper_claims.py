"""paper_claims: what may be said of each statement follows from its interval alone."""

import pytest

from reset.report import paper_claims, runs
from tests.report.test_figures import macro

AVERAGES = macro(
    {
        ("stage1", "faithfulness"): [0.8, 0.6],
        ("stage2", "faithfulness"): [0.3, 0.3],
        ("mtl", "instruction"): [0.5, 0.7],
        ("reset", "instruction"): [0.8, 0.8],
        ("mtl", "faithfulness"): [0.4, 0.4],
        ("reset", "faithfulness"): [0.4, 0.5],
    }
)
KEY = ("stage2", "stage1", "faithfulness", "unseen")


@pytest.mark.parametrize(
    "ends, expected, word",
    [
        ((-0.5, -0.3), "lower", "shown"),
        ((-0.5, -0.3), "higher", "opposite"),
        ((-0.1, 0.2), "lower", "not shown"),
        ((0.0, 0.2), "higher", "not shown"),
        (None, "higher", "–"),
        ((0.0006, 0.2), "higher", "shown"),
        ((-0.029, 0.1), "not lower", "shown"),
        ((-0.03, 0.1), "not lower", "not shown"),
        ((-0.0296, 0.1), "not lower", "not shown"),
        ((-0.2, -0.031), "not lower", "opposite"),
        ((-0.1, 0.029), "not higher", "shown"),
        ((-0.1, 0.03), "not higher", "not shown"),
        ((0.031, 0.2), "not higher", "opposite"),
        ((0.01, 0.02), "not higher", "shown"),
    ],
)
def test_the_verdict(ends, expected, word):
    assert paper_claims.verdict(expected, ends) == word


def test_a_row_has_all_that_the_statement_rests_on():
    table = paper_claims.table(AVERAGES, {KEY: (-0.5, -0.3)}, {KEY: (600, 2)})
    assert table.rows[0] == [
        paper_claims.GROUNDED_LOSES,
        "stage2 − stage1, faithfulness",
        "0.70 → 0.30",
        "−0.400",
        "0.14",
        "−0.500 to −0.300",
        "600 × 2",
        "lower",
        "shown",
    ]


def test_statements_on_runs_that_are_not_there_have_no_row():
    rows = paper_claims.table(AVERAGES, {}, {}).rows
    assert [row[1] for row in rows] == [
        "stage2 − stage1, faithfulness",
        "reset − mtl, IF, unseen",
        "reset − mtl, faithfulness, unseen",
    ]
    assert {row[-1] for row in rows} == {"–"}


def test_seen_and_unseen_sets_have_rows_of_their_own_where_the_paper_speaks_of_both():
    groups = {
        (run, "faithfulness", group): {0: value}
        for run, value in (("mtl", 0.4), ("reset", 0.5), ("direct", 0.3))
        for group in ("seen", "unseen", "overall")
    }
    assert [row[1] for row in paper_claims.table(groups, {}, {}).rows] == [
        "reset − mtl, faithfulness, seen",
        "reset − mtl, faithfulness, unseen",
        "reset − direct, faithfulness",
    ]


def test_every_statement_is_about_a_comparison_that_has_an_interval():
    compared = {
        (run, other, metric) for run, other, metrics in runs.COMPARISONS for metric in metrics
    }
    for statement in paper_claims.STATEMENTS:
        for metric in statement.metrics:
            assert (statement.run, statement.other, metric) in compared


def test_the_rise_from_049_to_075_is_one_of_instruction_following():
    (statement,) = [s for s in paper_claims.STATEMENTS if "0.49 → 0.75" in s.says]
    assert (statement.run, statement.other) == ("mtl", "grounded")
    assert statement.metrics == ("instruction",)


def test_the_drift_shows_the_three_checkpoints_and_the_end_against_the_best():
    averages = {
        ("base", "faithfulness", "extractive"): {None: 0.1},
        ("stage1", "faithfulness", "extractive"): {0: 0.7, 1: 0.8},
        ("stage1_end", "faithfulness", "extractive"): {0: 0.6, 1: 0.6},
    }
    key = ("stage1_end", "stage1", "faithfulness", "extractive")
    table = paper_claims.drift(averages, {key: (-0.2, -0.1)}, {key: (300, 2)})
    assert table.rows == [
        [
            "extractive, faithfulness",
            "falls slowly",
            "0.10 → 0.75 → 0.60",
            "−0.150",
            "−0.200 to −0.100",
            "300 × 2",
        ]
    ]
    assert paper_claims.drift({}, {}, {}).rows == []

"""paper: what may be said of each statement follows from its interval alone."""

import pytest

from reset.report import paper_claims, runs
from tests.report.test_figures import macro

AVERAGES = macro(
    {
        ("stage1", "faithfulness"): [0.8, 0.6], ("stage2", "faithfulness"): [0.3, 0.3],
        ("mtl", "instruction"): [0.5, 0.7], ("reset", "instruction"): [0.8, 0.8],
        ("mtl", "faithfulness"): [0.4, 0.4], ("reset", "faithfulness"): [0.4, 0.5],
    }
)  # fmt: skip
KEY = ("stage2", "stage1", "faithfulness", "unseen")


@pytest.mark.parametrize(
    "between, expected, word",
    [((-0.5, -0.3), "lower", "shown"), ((-0.5, -0.3), "higher", "opposite"), ((-0.1, 0.2), "lower", "not shown"),
     ((0.0, 0.2), "higher", "not shown"), (None, "higher", "not shown")],
)  # fmt: skip
def test_the_verdict(between, expected, word):
    statement = next(
        s for s in paper_claims.STATEMENTS if (s.metric, s.expected) == ("faithfulness", expected)
    )
    assert paper_claims.verdict(statement, between) == word


def test_a_row_has_all_that_the_statement_rests_on():
    table = paper_claims.table(AVERAGES, {KEY: (-0.5, -0.3)}, {KEY: (600, 2)})
    assert table.rows[0] == [
        paper_claims.GROUNDED_LOSES, "stage2 − stage1, faithfulness", "0.70 → 0.30", "−0.400", "0.14", "−0.500 to −0.300",
        "600 × 2", "shown",
    ]  # fmt: skip


def test_statements_on_runs_that_are_not_there_have_no_row():
    assert {row[1] for row in paper_claims.table(AVERAGES, {}, {}).rows} == {
        "stage2 − stage1, faithfulness", "reset − mtl, IF", "reset − mtl, faithfulness"
    }  # fmt: skip
    assert {row[-1] for row in paper_claims.table(AVERAGES, {}, {}).rows} == {"not shown"}


def test_every_statement_is_about_a_comparison_that_has_an_interval():
    compared = {
        (run, other, metric) for run, other, metrics in runs.COMPARISONS for metric in metrics
    }
    assert {(s.run, s.other, s.metric) for s in paper_claims.STATEMENTS} <= compared


def test_the_rises_in_faithfulness_stand_beside_the_papers():
    assert "0.49 → 0.75" in paper_claims.rises(
        AVERAGES
    ) and "reset after mtl: 0.40 → 0.45. " in paper_claims.rises(AVERAGES)
    assert "none measured" in paper_claims.rises({})

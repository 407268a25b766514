"""table: columns that line up, and Markdown that stays a table."""

import pytest

from reset.report.table import Table, markdown, plain


@pytest.mark.parametrize(
    "cell, heads",
    [
        ("6.10 ± 0.14", "       IF (of 10)   Faithfulness"),
        ("6.10", "       IF (of 10)  Faithfulness"),
    ],
)
def test_terminal_columns_line_up_below_the_names_of_their_groups(cell, heads):
    columns = ["run", "unseen", "seen", "unseen", "overall"]
    rows = [["mtl", cell, "0.50", "0.50", "0.50"], ["reset", *["–"] * 4]]
    spans = [("", 1), ("IF (of 10)", 1), ("Faithfulness", 3)]
    first, *lines = plain(Table("t", columns, rows, spans)).splitlines()
    assert first == heads and len({len(line) for line in lines}) == 1


def test_markdown_escapes_bars_and_names_the_group():
    table = Table(
        "t", ["run", "seen"], [["a|b", "1"]], spans=[("", 1), ("Task", 1)], notes=["n = 3"]
    )
    assert markdown(table) == "| run | Task: seen |\n| :-- | --: |\n| a\\|b | 1 |\n\nn = 3\n"

"""tables: the rows as people read them, and no sentence beyond them."""

from reset.report import aggregate, tables
from reset.report.selection_headroom import Scores

AVERAGES = {
    ("mtl", "instruction", "unseen"): {0: 0.60, 1: 0.62},
    ("mtl", "instruction", "overall"): {0: 0.60, 1: 0.62},
    ("reset", "instruction", "unseen"): {0: 0.70, 1: 0.66},
    ("reset", "instruction", "overall"): {0: 0.70, 1: 0.66},
    **{("mtl", "faithfulness", group): {0: 0.5, 1: 0.6} for group in aggregate.GROUPS},
    **{("reset", "faithfulness", group): {0: 0.6, 1: 0.5} for group in aggregate.GROUPS},
}
INTERVALS = {
    ("reset", "mtl", "instruction", "unseen"): (0.02, 0.12),
    ("reset", "mtl", "faithfulness", "overall"): (-0.1, 0.1),
}


def test_the_headline_has_a_run_a_line_in_the_order_of_the_study():
    table = tables.headline(AVERAGES)
    assert [row[0] for row in table.rows] == ["mtl", "reset"]
    assert table.columns == ["run", "unseen", "seen", "unseen", "overall"]
    assert table.spans == [("", 1), ("IF (of 10)", 1), ("Faithfulness", 3)]
    assert table.rows[0][1] == "6.10 ± 0.14"
    assert table.rows[1][4] == "0.55 ± 0.07"


def test_a_hole_in_the_headline_has_a_dash():
    assert tables.headline(
        {("mtl", "task", "seen"): {0: 0.5}, ("base", "length", "seen"): {0: 3.0}}
    ).rows == [
        ["base", "–"],
        ["mtl", "0.50"],
    ]


def test_differences_name_each_seed_and_only_read_what_the_interval_allows():
    table = tables.differences(AVERAGES, INTERVALS)
    row = next(row for row in table.rows if row[1] == "IF, unseen")
    assert row == [
        "reset − mtl",
        "IF, unseen",
        "+0.70",
        "+0.20 to +1.20",
        "higher",
        "+1.00",
        "+0.40",
    ]
    row = next(row for row in table.rows if row[1] == "faithfulness, overall")
    assert row == [
        "reset − mtl",
        "faithfulness, overall",
        "±0.000",
        "−0.100 to +0.100",
        "not shown",
        "+0.100",
        "−0.100",
    ]
    row = next(row for row in table.rows if row[1] == "faithfulness, seen")
    assert row[3:5] == ["–", "–"]


def test_a_sentence_claims_nothing_when_the_interval_holds_zero():
    (sentence,) = tables.sentences(AVERAGES, INTERVALS)
    assert (
        sentence
        == "reset against mtl: IF +0.70 (+0.20 to +1.20), higher; faithfulness ±0.000 (−0.100 to"
        " +0.100), not shown."
    )


def test_seed_by_seed_a_start_model_has_one_row():
    averages = {**AVERAGES, ("chat", "instruction", "unseen"): {None: 0.6}}
    rows = tables.by_seed(averages).rows
    assert rows[0][:3] == ["chat", "–", "6.00"]
    assert [row[:2] for row in rows[1:]] == [
        ["mtl", "0"],
        ["mtl", "1"],
        ["reset", "0"],
        ["reset", "1"],
    ]


def test_the_reset_sets_stand_beside_the_multi_task_step():
    counts = {"instruction": Scores(2, selected=10), "context": Scores(2, selected=30)}
    curves = {
        "mtl": {0: [{"step": 100}, {"step": 400}], 1: [{"step": 400}]},
        "reset": {0: [{"step": 2}], 1: [{"step": 4}]},
    }
    assert tables.reset_share({"reset": counts, "reset_s": counts}, 2000, curves).rows == [
        ["mtl", "2,000", "–", "400", "–"],
        ["reset", "20", "1.0 %", "3", "0.8 %"],
        ["reset_s", "20", "1.0 %", "–", "–"],  # a pool that no run was trained on
    ]


def test_the_table_of_a_metric_names_its_measure_and_n():
    rows = [
        {
            "run": "mtl",
            "seed": s,
            "dataset": "nq",
            "seen": True,
            "metric": "task",
            "value": 0.5,
            "n": n,
            "measure": "em",
        }
        for s, n in ((0, 10), (1, 9))
    ]
    table = tables.by_dataset(rows, "task")
    assert table.rows == [["mtl", "0.50 ± 0.00"]]
    assert "nq (seen, em, n = 9–10)" in table.notes[0]


def test_dropped_rows_are_told_by_reason():
    row = {
        "dropped": {"no passage": 1200, "rare": 0},
        "read": 2000,
        "not_needed": 0,
        "train": 700,
        "dev": 9,
        "eval": 100,
    }
    row |= {"prompt_words": 61.25, "target_words": None, "overlong_share": 0.05, "cut_share": 0.031}
    assert tables.data({"nq": row}).rows == [
        [
            "nq",
            "no passage:\u00a01,200",
            "2,000",
            "0",
            "700",
            "9",
            "100",
            "61.2",
            "–",
            "5.0 %",
            "3.1 %",
        ]
    ]

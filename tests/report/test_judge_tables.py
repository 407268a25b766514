"""judge_tables: what the report says of the judges, and that it says so where there is nothing to
say.
"""

import pytest

from reset.report import judge_agreement, judge_tables

NLI = {
    "model": {"source": "hub", "id": "org/albert", "revision": "abc"},
    "sets": [
        {"set": "nli_x", "measure": "accuracy", "value": 0.75, "chance": 0.5, "n": 1200},
        {"set": "summac_x", "measure": "auc", "value": None, "chance": 0.5, "n": 2, "unscored": 3},
    ],
    "reason": None,
}
NONE = {
    "model": {"source": "none", "id": None, "revision": None},
    "sets": None,
    "reason": "there is no NLI model",
}


def answers(faithfulness="summac_zs", ratings=(7,)):
    found = {}
    for i in range(4):
        scores = {
            "s_task": i / 4,
            "s_faithfulness": None if i == 3 else i / 2,
            "s_instruction": None,
            "tokens": 9 - i,
        }
        kinds = {"task": "rouge_l", "faithfulness": faithfulness}
        context = {
            "dataset": "wikisum",
            **scores,
            "k_precision": 0.5,
            "judges": kinds,
            "ratings": None,
        }
        judge_agreement.collect(
            {
                **context,
                "dataset": "alpaca",
                "s_task": None,
                "s_faithfulness": None,
                "k_precision": None,
                "s_instruction": 0.7,
                "judges": {"instruction": "openai:judge"},
                "ratings": list(ratings),
            },
            found,
        )
        judge_agreement.collect(context, found)
    return found


def test_the_judges_are_named():
    assert (
        judge_tables.who(answers())
        == "Judges of task performance: rouge_l; of faithfulness: summac_zs; of instruction"
        " following: openai:judge."
    )
    assert judge_tables.who({}).endswith("of instruction following: none.")


def test_scores_have_a_row_a_judge_and_data_set_with_missing_ones_apart():
    rows = {(row[0], row[1]): row[2:] for row in judge_tables.scores(answers()).rows}
    assert list(rows) == [
        ("wikisum", "rouge_l"),
        ("wikisum", "summac_zs"),
        ("alpaca", "openai:judge"),
    ]
    assert rows["wikisum", "summac_zs"] == [
        "4",
        "25.0 %",
        "33 %",
        "0 %",
        "33 %",
        "0 %",
        "0 %",
        "33 %",
        "0.50",
    ]


def test_a_judge_that_gave_no_score_at_all_has_dashes():
    found = answers()
    found["alpaca"].columns["s_instruction"] = [None] * 4
    assert judge_tables.scores(found).rows[-1] == [
        "alpaca",
        "openai:judge",
        "4",
        "100.0 %",
        *["–"] * 7,
    ]


def test_correlations_are_signed_and_dashes_where_a_number_is_constant_or_missing():
    table = judge_tables.correlations(answers())
    assert table.rows == [["wikisum", "+1.00", "–", "−1.00", "−1.00", "–"], ["alpaca", *["–"] * 5]]
    assert sum(width for _, width in table.spans) == len(table.columns)


def test_agreement_is_a_table_only_where_an_answer_was_rated_twice():
    once, twice = (
        judge_tables.judge_parts(answers(ratings=r), {"nli": NLI})[2] for r in ([7], [7, 9])
    )
    assert once.table is None and once.note == judge_tables.ONCE
    assert twice.table.rows == [["alpaca", "openai:judge", "4", "0.0 %", "50.0 %", "2.00"]]


def test_the_nli_model_is_named_with_its_accuracy():
    part = judge_tables.judge_parts(answers(), {"nli": NLI})[3]
    assert part.table.rows == [
        ["nli_x", "accuracy", "1,200", "0.750", "0.500"],
        ["summac_x", "AUC", "2 of 5", "–", "0.500"],
    ]
    assert "org/albert at abc" in part.note and "gives the entailments of SummaC-ZS" in part.note


def test_a_model_that_judged_nothing_is_not_credited():
    assert "scored no answer here" in judge_tables.about_model(
        answers(faithfulness="k_precision"), NLI
    )


@pytest.mark.parametrize("sets, warned", [("demo world, other people", True), ("nli_x", False)])
def test_the_demo_model_is_said_to_be_flattered_by_its_own_pairs(sets, warned):
    toy = {
        "model": {"source": "toy", "id": None, "revision": None},
        "sets": [NLI["sets"][0] | {"set": sets}],
    }
    assert (judge_tables.FLATTERING in judge_tables.about_model(answers(), toy)) is warned


def test_without_labelled_rows_the_reason_stands_in_place_of_a_table():
    part = judge_tables.judge_parts(answers(), {"nli": NONE})[3]
    assert (
        part.table is None and part.note == "Its accuracy was not measured: there is no NLI model."
    )

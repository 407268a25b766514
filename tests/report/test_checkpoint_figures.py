"""checkpoint_figures: each stage from its start over its best checkpoint to its end."""

from reset.report import aggregate, checkpoint_figures
from tests.report.test_figures import macro, of_kind

LENGTHS = macro(
    {
        ("chat", "length"): [10, 12],
        ("grounded", "length"): [8, 8],
        ("grounded_end", "length"): [5, 7],
    }
)


def row(run, dataset, metric, value, seed=0):
    return {"run": run, "seed": seed, "dataset": dataset, "metric": metric, "value": value}


def told(figure):
    return [
        (row["panel"], row["series"], row["checkpoint"], row["value"], row["sd"])
        for row in figure.rows
    ]


def test_length_goes_from_the_start_over_the_best_to_the_end():
    figure = checkpoint_figures.length(of_kind("context", LENGTHS))
    panel, series = "Context-dependent sets", "IF→CD"
    assert told(figure) == [
        (panel, series, "start", 11, 2**0.5),
        (panel, series, "best", 8, 0),
        (panel, series, "end", 6, 2**0.5),
    ]
    (svg,) = figure.pictures()
    assert "IF→CD" in svg and "CD→IF" not in svg and "As the paper&#x27;s figure 4" in svg


def test_a_context_set_has_a_line_for_faithfulness_task_and_coverage():
    rows = [
        row(run, "nq", metric, value)
        for run, value in (("base", 0.1), ("stage1", 0.4), ("stage1_end", None), ("stage2", 0.9))
        for metric in ("faithfulness", "task", "unigram_coverage", "k_precision", "length")
    ]
    figure = checkpoint_figures.context_sets("stage1", rows)
    assert told(figure) == [
        ("nq", series, checkpoint, value, None)
        for series in ("faithfulness", "task performance", "unigram coverage")
        for checkpoint, value in (("start", 0.1), ("best", 0.4))
    ]
    assert figure.title.startswith("As the paper's figures 9 and 13: ")
    assert "figures 10 and 14" in checkpoint_figures.context_sets("stage2", rows).title
    assert "figure" not in checkpoint_figures.context_sets("grounded", rows).title


def test_an_instruction_set_has_a_line_a_stage_out_of_ten():
    rows = [
        row(run, "alpaca", "instruction", value, seed)
        for run, value in (("base", 0.1), ("stage1", 0.4), ("stage2", 0.2))
        for seed in (0, 1)
    ]
    rows.append(row("stage1", "nq", "faithfulness", 1.0))
    assert told(checkpoint_figures.instruction_sets(rows)) == [
        ("alpaca", "CD, first stage", "start", 1, 0),
        ("alpaca", "CD, first stage", "best", 4, 0),
        ("alpaca", "CD→IF", "start", 4, 0),
        ("alpaca", "CD→IF", "best", 2, 0),
    ]


def test_a_model_without_a_value_leaves_its_checkpoint_out():
    assert checkpoint_figures.context_sets("stage2", []).rows == []
    assert checkpoint_figures.length(aggregate.macro([])).pictures() == []


def test_a_stage_that_was_not_run_has_no_start_to_show():
    rows = [row("chat", "nq", "faithfulness", 0.1), row("mtl", "nq", "faithfulness", 0.5)]
    assert checkpoint_figures.context_sets("grounded", rows).rows == []

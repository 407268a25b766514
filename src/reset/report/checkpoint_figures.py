"""The figures of a training stage at three checkpoints: the model that it starts from, the one of
the lowest evaluation loss, and the one after the last step.
"""

from collections.abc import Iterable, Mapping, Sequence

from reset.core.io import Row
from reset.report import runs
from reset.report.aggregate import BySeed, Key, spread
from reset.report.figures import FAMILIES, Figure

# run: the name of its stage, and its figures in the paper
STAGES = {
    "stage1": ("CD, first stage", "As the paper's figures 9 and 13"),
    "stage2": ("CD→IF", "As the paper's figures 10 and 14"),
    "grounded": ("IF→CD", ""),
}
MEASURES = {  # metric: its name in a legend
    "faithfulness": "faithfulness",
    "task": "task performance",
    "unigram_coverage": "unigram coverage",
    "bigram_coverage": "bigram coverage",
}
COLUMNS = ("panel", "series", "checkpoint", "value", "sd")


def context_sets(run: str, results: Iterable[Row]) -> Figure:
    """Faithfulness, task performance and coverage of each context-dependent set at the checkpoints
    of one run. `results` are rows of `metrics.read`, those of the end checkpoints included.
    """
    stage, number = STAGES[run]
    values: dict[tuple[str, str], dict[str, BySeed]] = {}
    for row in results:
        if row["metric"] in MEASURES and row["value"] is not None:
            by_model = values.setdefault((row["dataset"], MEASURES[row["metric"]]), {})
            by_model.setdefault(row["run"], {})[row["seed"]] = row["value"]
    rows = []
    for (dataset, measure), by_model in values.items():
        rows += _through(run, by_model, dataset, measure)
    title = f"{number}: {stage}" if number else stage
    return _figure(f"{run}_checkpoints", f"{title}, context-dependent sets by checkpoint", rows)


def instruction_sets(results: Iterable[Row]) -> Figure:
    """Instruction following on each instruction set, out of 10, at the checkpoints of each run."""
    values: dict[str, dict[str, BySeed]] = {}
    for row in results:
        if row["metric"] == "instruction" and row["value"] is not None:
            by_seed = values.setdefault(row["dataset"], {}).setdefault(row["run"], {})
            by_seed[row["seed"]] = 10 * row["value"]
    rows = []
    for dataset, by_model in values.items():
        rows += _all_stages(by_model, dataset)
    title = "As the paper's figures 11 and 12: instruction following (of 10) by set and checkpoint"
    return _figure("instruction_checkpoints", title, rows)


def length(kinds: Mapping[Key, BySeed]) -> Figure:
    """Mean generated tokens at the checkpoints of each run, apart for the two families of sets;
    `kinds` are averages over the sets of each of `runs.KINDS`.
    """
    rows = []
    for family, panel in FAMILIES.items():
        key = ("length", family)
        by_model = {run: seeds for (run, *of), seeds in kinds.items() if tuple(of) == key}
        rows += _all_stages(by_model, panel)
    title = "As the paper's figure 4: mean answer length in tokens by checkpoint"
    return _figure("length_through_training", title, rows)


def _all_stages(by_model: Mapping[str, BySeed], panel: str) -> list[Row]:
    rows = []
    for run, (stage, _) in STAGES.items():
        rows += _through(run, by_model, panel, stage)
    return rows


def _through(run: str, by_model: Mapping[str, BySeed], panel: str, series: str) -> list[Row]:
    """A row for each checkpoint of `run` that has values; `by_model` maps models to them. None for
    a stage that was not run: what it would start from says nothing of it.
    """
    if not by_model.get(run):
        return []
    rows = []
    for checkpoint, model in runs.CHECKPOINTS[run].items():
        value = spread(by_model.get(model, {}))
        if value is not None:
            cells = (panel, series, checkpoint, value.mean, value.sd)
            rows.append(dict(zip(COLUMNS, cells, strict=True)))
    return rows


def _figure(name: str, title: str, rows: Sequence[Row]) -> Figure:
    return Figure(name, title, "checkpoints", "checkpoint", "value", COLUMNS, rows)

"""Everything that the report shows, gathered from what the stages before it wrote."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reset.core import io, tasks
from reset.core.errors import InputError
from reset.core.io import Row
from reset.core.params import Count, Natural
from reset.evaluation import csv_table, metrics
from reset.report import (
    ablations,
    aggregate,
    benchmarks,
    bootstrap,
    data_statistics,
    judge_agreement,
    reference_length,
    runs,
    sample_browser,
    selection_headroom,
)
from reset.report.ablations import Ablation
from reset.report.aggregate import BySeed, Key, Seed
from reset.report.judge_agreement import Answers
from reset.report.reference_length import ByLength
from reset.report.selection_headroom import Scores
from reset.report.tables import Comparison, comparisons

TRAINING = ("step", "loss", "eval_loss")
INTERVALS = ("run", "other", "metric", "group", "prompts", "seeds", "low", "high")
AnswersByRun = dict[str, dict[Seed, list[Row]]]


@dataclass(frozen=True)
class ReportSettings:
    """What the report reads of `report` in params.yaml."""

    samples: Natural  # prompts that the page shows of each pool, and of the evaluation
    draws: Count  # of the bootstrap
    seed: int  # of the bootstrap and of the choice of prompts shown


@dataclass(frozen=True)
class Study:
    """What the tables, figures and the page are made of.

    `results` and `averages` leave out the end checkpoints (`runs.ENDS`), whose rows are `ends`;
    `context` and `instruction` average the sets of one family, and `kinds` the extractive and the
    abstractive sets (`runs.KINDS`), end checkpoints included. `intervals` and `counts` (prompts,
    seeds) belong to the comparisons (run, other, metric, group). `lengths` are faithfulness and
    instruction scores by class of length and run. `seeds` are those of the trained runs: start
    models have none.
    """

    results: Sequence[Row]
    ends: Sequence[Row]
    averages: Mapping[Key, BySeed]
    context: Mapping[Key, BySeed]
    instruction: Mapping[Key, BySeed]
    kinds: Mapping[Key, BySeed]
    intervals: Mapping[Comparison, tuple[float, float]]
    counts: Mapping[Comparison, tuple[int, int]]
    lengths: Mapping[str, ByLength]
    judged: Mapping[str, Answers]
    calibration: Row
    pools: Mapping[str, Mapping[str, Scores]]
    curves: Mapping[str, Mapping[int, Sequence[Row]]]
    data: Mapping[str, Row]
    mix_rows: int  # that the multi-task step is trained on, copies included
    sources: Sequence[Row]
    ablations: Sequence[Ablation]
    benchmarks: benchmarks.Numbers
    seeds: Sequence[int]
    prompts: int


def load(settings: ReportSettings, seeds: Sequence[int], datasets: Sequence[str]) -> Study:
    """Read metrics/ and data/ of the given seeds and data sets.

    Files of other seeds or sets, left by an earlier params.yaml, are not read. InputError where
    there is no run.
    """
    measured = []
    for _, _, path in _files("metrics/runs", "csv", seeds):
        measured += metrics.read(path)
    results = runs.without_ends(measured)
    if not results:
        raise InputError(
            f"metrics/runs: no run of the seeds {', '.join(map(str, seeds))}; run `dvc repro`"
        )
    prompts = io.by_id(io.stream("data/evaluation.jsonl"), "data/evaluation.jsonl")
    shown = sample_browser.pick(
        {id: row["dataset"] for id, row in prompts.items()}, settings.samples, settings.seed
    )
    answers, texts, judged = _answers(seeds, shown)
    averages = aggregate.macro(results)
    pools, sources = _pools(settings, seeds)
    sources.append(
        {
            "title": f"Evaluation, all runs, seed {min(seeds)}",
            "kind": "evaluation",
            "note": f"Drawn from the {len(prompts):,} prompts of the evaluation.",
            "rows": sample_browser.evaluation(list(prompts.values()), texts, shown),
        }
    )
    task_by_dataset = {row["dataset"]: row["task"] for row in prompts.values()}
    context, instruction = _by_family(measured, task_by_dataset)
    kind_by_dataset = {name: runs.KINDS[task] for name, task in task_by_dataset.items()}
    datasets_by_group = _datasets_by_group(prompts.values())
    intervals, counts = _intervals(averages, answers, datasets_by_group, settings)
    mixed = data_statistics.read_json(Path("metrics/mixes/mtl.json"))
    ends = [row for row in measured if row["run"] in runs.ENDS]
    trained = [counted["trained"] for counted in mixed.values()]
    return Study(
        results=results,
        ends=ends,
        averages=averages,
        context=aggregate.macro(context),
        instruction=aggregate.macro(instruction),
        kinds=aggregate.macro(measured, lambda row: [kind_by_dataset[row["dataset"]]]),
        intervals=intervals,
        counts=counts,
        lengths=reference_length.collect(_without_ends(answers)),
        judged=judged,
        calibration=data_statistics.read_json(Path("metrics/calibration.json")),
        pools=pools,
        curves=_curves(seeds),
        data=data_statistics.load(datasets),
        mix_rows=sum(trained),
        sources=sources,
        ablations=ablations.load("report/ablations"),
        benchmarks=benchmarks.load("metrics/benchmarks", seeds),
        seeds=aggregate.trained_seeds(row["seed"] for row in results),
        prompts=len(prompts),
    )


def summary(study: Study) -> dict[str, float]:
    """At most 20 headline numbers, from 0 to 1, for `dvc metrics` and `dvc exp show`: means over
    seeds, overall.

    `<run>_instruction` is a tenth of the judge's rating. What no run gives is left out.
    """
    numbers = {}
    for run, metric in HEADLINES:
        value = aggregate.spread(study.averages.get((run, metric, "overall"), {}))
        if value is not None:
            numbers[f"{run}_{metric}"] = round(value.mean, 4)
    families = study.pools.get("reset", {}).values()
    if prompts := sum(scores.prompts for scores in families):
        with_choice = sum(scores.with_choice for scores in families)
        numbers["reset_with_choice"] = round(with_choice / prompts, 4)
    verdicts, missing = 0, 0.0
    for row in study.results:
        if row["metric"] == "missing" and row["value"] is not None:
            verdicts += row["n"]
            missing += row["value"] * row["n"]
    if verdicts:
        numbers["scores_missing"] = round(missing / verdicts, 6)
    return numbers


def intervals(study: Study) -> list[Row]:
    """A row a comparison, ability and group: on how many prompts and seeds it stands, and the ends
    of its interval (scores from 0 to 1).
    """
    rows = []
    for key, ends in study.intervals.items():
        rows.append(dict(zip(INTERVALS, (*key, *study.counts[key], *ends), strict=True)))
    return rows


def read_intervals(
    path: str | Path,
) -> tuple[dict[Comparison, tuple[float, float]], dict[Comparison, tuple[int, int]]]:
    """`Study.intervals` and `Study.counts` as a CSV file of the rows of `intervals` holds them;
    InputError where the file is missing or lacks a column.
    """
    ends, counts = {}, {}
    for row in csv_table.read(path, INTERVALS):
        key = (row["run"], row["other"], row["metric"], row["group"])
        ends[key] = (float(row["low"]), float(row["high"]))
        counts[key] = (int(row["prompts"]), int(row["seeds"]))
    return ends, counts


HEADLINES = (
    ("stage1", "faithfulness"),
    ("stage2", "faithfulness"),
    ("chat", "instruction"),
    ("grounded", "instruction"),
    *itertools.product(("mtl", "reset"), tasks.JUDGES),
    *itertools.product(("reset_s", "random", "control", "direct"), tasks.JUDGES[:2]),
)


def _files(folder: str, kind: str, seeds: Sequence[int]) -> Iterator[tuple[str, Seed, Path]]:
    """(run, seed, path) of the files <run>_<seed>.<kind> with one of `seeds`, and of <run>.<kind>
    of start models (seed None), in the order of the study.
    """
    found: dict[str, dict[Seed, Path]] = {}
    for name in io.run_names(folder, seeds):
        run, seed = io.split_seed(name)
        found.setdefault(run, {})[seed] = Path(folder) / f"{name}.{kind}"
    for run in runs.ordered(found):
        for seed in sorted(found[run], key=aggregate.seed_order):
            yield run, seed, found[run][seed]


def _by_family(
    measured: Sequence[Row], task_by_dataset: Mapping[str, str]
) -> tuple[list[Row], list[Row]]:
    """The rows of the context-dependent and of the instruction sets."""
    families: dict[str, list[Row]] = {family: [] for family in tasks.FAMILIES}
    for row in measured:
        families[tasks.family(task_by_dataset[row["dataset"]])].append(row)
    return families["context"], families["instruction"]


def _answers(
    seeds: Sequence[int], shown: set[str]
) -> tuple[AnswersByRun, dict[str, dict[str, Row]], dict[str, Answers]]:
    """Scores of all answers by run and seed, the shown answers of the first seed by run and id, and
    what the judges said of all answers by data set; the latter two leave out end checkpoints.
    """
    answers: AnswersByRun = {}
    texts: dict[str, dict[str, Row]] = {}
    judged: dict[str, Answers] = {}
    kept = ["id", "dataset", "task", "seen", "words", "reference_words"]
    kept += [f"s_{judge}" for judge in tasks.JUDGES]
    for run, seed, path in _files("data/answers", "jsonl", seeds):
        run_rows = answers.setdefault(run, {}).setdefault(seed, [])
        for row in io.stream(path):
            run_rows.append({column: row[column] for column in kept})
            if run in runs.ENDS:
                continue
            judge_agreement.collect(row, judged)
            if seed in (None, min(seeds)) and row["id"] in shown:
                texts.setdefault(run, {})[row["id"]] = row
    return answers, texts, judged


def _without_ends(answers: AnswersByRun) -> AnswersByRun:
    return {run: by_seed for run, by_seed in answers.items() if run not in runs.ENDS}


def _intervals(
    averages: Mapping[Key, BySeed],
    answers: AnswersByRun,
    datasets: Mapping[str, Collection[str]],
    settings: ReportSettings,
) -> tuple[dict[Comparison, tuple[float, float]], dict[Comparison, tuple[int, int]]]:
    """The interval of each comparison, and its number of prompts and seeds."""
    intervals, counts = {}, {}
    for key in (*comparisons(averages), *runs.DRIFT):
        run, other, metric, group = key
        gaps = bootstrap.pairs(answers, run, other, metric, datasets.get(group, ()))
        if gaps:
            intervals[key] = bootstrap.interval(gaps, settings.draws, settings.seed)
            prompts = sum(table.shape[1] for table in gaps.values())
            counts[key] = (prompts, next(iter(gaps.values())).shape[0])
    return intervals, counts


def _datasets_by_group(prompts: Iterable[Row]) -> dict[str, set[str]]:
    """The data sets of each of aggregate.GROUPS and of each kind."""
    found: dict[str, set[str]] = {}
    for row in prompts:
        for group in (*aggregate.by_familiarity(row), runs.KINDS[row["task"]]):
            found.setdefault(group, set()).add(row["dataset"])
    return found


def _pools(
    settings: ReportSettings, seeds: Sequence[int]
) -> tuple[dict[str, dict[str, Scores]], list[Row]]:
    """Scores of each pool over all seeds, and the first seed's prompts for the browser."""
    pools: dict[str, dict[str, Scores]] = {}
    sources: list[Row] = []
    for pool, seed, path in _files("data/candidates", "jsonl", seeds):
        scores = pools.setdefault(pool, selection_headroom.empty())
        selection_headroom.collect(io.stream(path), scores)
        if seed != min(seeds):
            continue
        ids = {row["id"]: row["dataset"] for row in io.stream(path)}
        shown = sample_browser.pick(ids, settings.samples, settings.seed)
        rows = [row for row in io.stream(path) if row["id"] in shown]
        sources.append(
            {
                "title": f"Pool {pool}, seed {seed}",
                "kind": "pool",
                "note": f"Drawn from the {len(ids):,} prompts of the pool.",
                "rows": sample_browser.pool(rows),
            }
        )
    return pools, sources


def _curves(seeds: Sequence[int]) -> dict[str, dict[int, list[Row]]]:
    curves: dict[str, dict[int, list[Row]]] = {}
    for run, seed, path in _files("metrics/train", "csv", seeds):
        if seed is None:  # only trained runs have a curve
            continue
        steps: list[Row] = []
        for line, cells in enumerate(csv_table.read(path, TRAINING), 2):
            row: Row = {}
            for name in TRAINING:
                row[name] = csv_table.number(cells[name], f"{path}:{line} {name}")
            if row["step"] is None:
                raise InputError(f"{path}:{line}: no step; expected a number")
            steps.append({**row, "step": int(row["step"])})
        curves.setdefault(run, {})[seed] = steps
    return curves

"""Everything that the report shows, gathered from what the stages before it wrote."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    paper_claims,
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
    `kinds` average the sets of each of `runs.KINDS`, end checkpoints included. `intervals` and
    `counts` (prompts, seeds) belong to the comparisons (run, other, metric, group). `lengths` are
    faithfulness and instruction scores by class of length and run. `seeds` are those of the trained
    runs: start models have none.
    """

    results: Sequence[Row]
    ends: Sequence[Row]
    averages: Mapping[Key, BySeed]
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


def load(
    settings: ReportSettings,
    seeds: Sequence[int],
    datasets: Sequence[str],
    asked: Mapping[str, Sequence[str]],
) -> Study:
    """Read metrics/ and data/ of the given seeds, data sets and runs (`asked`: `runs` of
    params.yaml).

    Other files, left by an earlier params.yaml, are not read. InputError where there is no run.
    """
    evaluated = tasks.predicted(asked, seeds)
    measured = _measured(evaluated, seeds)
    results = runs.without_ends(measured)
    # the small files first: what is missing is said before the large ones are read
    calibration = data_statistics.read_json(Path("metrics/calibration.json"))
    data = data_statistics.load(datasets)
    mixed = data_statistics.read_json(Path("metrics/mixes/mtl.json"))
    trained = [counted["trained"] for counted in mixed.values()]
    experiments = ablations.load("report/ablations")
    curves = _curves(_named(runs.behind(asked["evaluated"]), seeds))
    prompts = io.by_id(io.stream("data/evaluation.jsonl"), "data/evaluation.jsonl")
    shown = sample_browser.pick(
        {id: row["dataset"] for id, row in prompts.items()}, settings.samples, settings.seed
    )
    answers, texts, judged = _answers(evaluated, min(seeds), shown)
    averages = aggregate.macro(results)
    pools, sources = _pools(settings, _named(asked["pools"], seeds), min(seeds))
    evaluation = {
        "title": f"Evaluation, all runs, seed {min(seeds)}",
        "kind": "evaluation",
        "note": f"Drawn from the {len(prompts):,} prompts of the evaluation.",
        "rows": sample_browser.evaluation(list(prompts.values()), texts, shown),
    }
    kinds_by_dataset = {row["dataset"]: runs.KINDS[row["task"]] for row in prompts.values()}
    datasets_by_group = _datasets_by_group(prompts.values())
    intervals, counts = _intervals(averages, answers, datasets_by_group, settings)
    without_ends = {run: by_seed for run, by_seed in answers.items() if run not in runs.ENDS}
    ends = [row for row in measured if row["run"] in runs.ENDS]
    return Study(
        results=results,
        ends=ends,
        averages=averages,
        kinds=aggregate.macro(measured, lambda row: kinds_by_dataset[row["dataset"]]),
        intervals=intervals,
        counts=counts,
        lengths=reference_length.collect(without_ends),
        judged=judged,
        calibration=calibration,
        pools=pools,
        curves=curves,
        data=data,
        mix_rows=sum(trained),
        sources=[*sources, evaluation],
        ablations=experiments,
        benchmarks=benchmarks.load("metrics/benchmarks", _named(asked["benchmarked"], seeds)),
        seeds=aggregate.trained_seeds(row["seed"] for row in results),
        prompts=len(prompts),
    )


def _measured(evaluated: Sequence[str], seeds: Sequence[int]) -> list[Row]:
    """The rows of metrics/runs by these names, of `runs.ENDS` too; InputError where there is no
    other.
    """
    rows = []
    for _, _, path in _files("metrics/runs", "csv", evaluated):
        rows += metrics.read(path)
    if not runs.without_ends(rows):
        raise InputError(
            f"metrics/runs: no run of the seeds {', '.join(map(str, seeds))}; run `dvc repro`"
        )
    return rows


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


def _named(names: Iterable[str], seeds: Sequence[int]) -> list[str]:
    return [f"{name}_{seed}" for name in names for seed in seeds]


def _files(folder: str, kind: str, names: Iterable[str]) -> Iterator[tuple[str, Seed, Path]]:
    """(run, seed, path) of those files <name>.<kind> that are there, in the order of the study; the
    seed of a start model is None.
    """
    found: dict[str, dict[Seed, Path]] = {}
    for name in names:
        run, seed = io.split_seed(name)
        path = Path(folder) / f"{name}.{kind}"
        if path.exists():
            found.setdefault(run, {})[seed] = path
    for run in runs.ordered(found):
        for seed in sorted(found[run], key=aggregate.seed_order):
            yield run, seed, found[run][seed]


def _answers(
    names: Sequence[str], first: int, shown: set[str]
) -> tuple[AnswersByRun, dict[str, dict[str, Row]], dict[str, Answers]]:
    """Scores of all answers by run and seed, the shown answers of the first seed by run and id, and
    what the judges said of all answers by data set; the latter two leave out end checkpoints.
    """
    answers: AnswersByRun = {}
    texts: dict[str, dict[str, Row]] = {}
    judged: dict[str, Answers] = {}
    kept = ["id", "dataset", "task", "seen", "words", "reference_words"]
    kept += [f"s_{judge}" for judge in tasks.JUDGES]
    for run, seed, path in _files("data/answers", "jsonl", names):
        run_rows = answers.setdefault(run, {}).setdefault(seed, [])
        for row in io.stream(path):
            run_rows.append({column: row[column] for column in kept})
            if run in runs.ENDS:
                continue
            judge_agreement.collect(row, judged)
            if seed in (None, first) and row["id"] in shown:
                texts.setdefault(run, {})[row["id"]] = row
    return answers, texts, judged


def _intervals(
    averages: Mapping[Key, BySeed],
    answers: AnswersByRun,
    datasets: Mapping[tuple[str, str], set[str]],
    settings: ReportSettings,
) -> tuple[dict[Comparison, tuple[float, float]], dict[Comparison, tuple[int, int]]]:
    """The interval of each comparison, and its number of prompts and seeds; none where a data set
    has no prompt that is scored in all seeds: fewer sets would not go with the averages.
    """
    intervals, counts = {}, {}
    for key in (*comparisons(averages), *paper_claims.DRIFT):
        run, other, metric, group = key
        wanted = datasets.get((metric, group), set())
        gaps = bootstrap.pairs(answers, run, other, metric, wanted)
        if gaps and gaps.keys() == wanted:
            intervals[key] = bootstrap.interval(gaps, settings.draws, settings.seed)
            prompts = sum(table.shape[1] for table in gaps.values())
            counts[key] = (prompts, next(iter(gaps.values())).shape[0])
    return intervals, counts


def _datasets_by_group(prompts: Iterable[Row]) -> dict[tuple[str, str], set[str]]:
    """The data sets that measure an ability, in each of aggregate.GROUPS and of each kind."""
    found: dict[tuple[str, str], set[str]] = {}
    for row in prompts:
        groups = (*aggregate.by_familiarity(row), *runs.KINDS[row["task"]])
        for key in itertools.product(tasks.judges_of(row["task"]), groups):
            found.setdefault(key, set()).add(row["dataset"])
    return found


def _pools(
    settings: ReportSettings, names: Sequence[str], first: int
) -> tuple[dict[str, dict[str, Scores]], list[Row]]:
    """Scores of each pool over all seeds, and the first seed's prompts for the browser."""
    pools: dict[str, dict[str, Scores]] = {}
    sources: list[Row] = []
    for pool, seed, path in _files("data/candidates", "jsonl", names):
        scores = pools.setdefault(pool, selection_headroom.empty())
        selection_headroom.collect(io.stream(path), scores)
        if seed != first:
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


def _curves(names: Sequence[str]) -> dict[str, dict[int, list[Row]]]:
    curves: dict[str, dict[int, list[Row]]] = {}
    for run, seed, path in _files("metrics/train", "csv", names):
        assert seed is not None, f"{path}: only trained runs have a curve"
        steps: list[Row] = []
        for line, cells in enumerate(csv_table.read(path, TRAINING), 2):
            where = f"{path}:{line}"
            row = {name: csv_table.number(cells[name], f"{where} {name}") for name in TRAINING}
            if row["step"] is None:
                raise InputError(f"{where}: no step; expected a number")
            steps.append({**row, "step": int(row["step"])})
        curves.setdefault(run, {})[seed] = steps
    return curves

"""Everything that the report tells, gathered from what the stages before it wrote."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reset.core import io, tasks
from reset.core.errors import InputError
from reset.core.io import Row
from reset.evaluation import csv_table, metrics
from reset.report import (
    ablations,
    aggregate,
    bootstrap,
    data_statistics,
    faithfulness_by_length,
    judge_agreement,
    runs,
    sample_browser,
    selection_headroom,
)
from reset.report.ablations import Ablation
from reset.report.aggregate import BySeed, Key
from reset.report.judge_agreement import Answers
from reset.report.selection_headroom import Scores

TRAINING = ("step", "loss", "eval_loss")
INTERVALS = ("run", "other", "metric", "group", "prompts", "seeds", "low", "high")


@dataclass(frozen=True)
class ReportSettings:
    """What the report reads of `report` in params.yaml."""

    samples: int  # prompts that the page shows of each pool, and of the evaluation
    draws: int  # of the bootstrap
    seed: int  # of the bootstrap and of the choice of prompts shown


@dataclass(frozen=True)
class Study:
    """What the tables, figures and the page are made of.

    `ends` are the rows of the end checkpoints (`runs.ENDS`), which `results` and `averages` leave
    out; `context` and `instruction` average the sets of one family, end checkpoints included.
    `intervals` and `counts` (prompts, seeds) belong to the comparisons (run, other, metric, group).
    `lengths` are the faithfulness scores by run and class of length.
    """

    results: Sequence[Row]
    ends: Sequence[Row]
    averages: Mapping[Key, BySeed]
    context: Mapping[Key, BySeed]
    instruction: Mapping[Key, BySeed]
    intervals: Mapping[tuple[str, str, str, str], tuple[float, float]]
    counts: Mapping[tuple[str, str, str, str], tuple[int, int]]
    lengths: Mapping[str, Mapping[int, Sequence[float]]]
    judged: Mapping[str, Answers]
    calibration: Row
    pools: Mapping[str, Mapping[str, Scores]]
    curves: Mapping[str, Mapping[int, Sequence[Row]]]
    data: Mapping[str, Row]
    sources: Sequence[Row]
    ablations: Sequence[Ablation]
    seeds: Sequence[int]
    prompts: int


def load(settings: ReportSettings, seeds: Sequence[int], datasets: Sequence[str]) -> Study:
    """Read metrics/ and data/ of the given seeds and data sets.

    Files of other seeds or sets, left by an earlier params.yaml, are not read. InputError where
    there is no run.
    """
    measured = [
        row | {"seed": seed}
        for _, seed, path in _files("metrics/runs", "csv", seeds)
        for row in metrics.read(path)
    ]
    results = runs.without_ends(measured)
    if not results:
        raise InputError(
            f"metrics/runs: no run of the seeds {', '.join(map(str, seeds))}; run `dvc repro`"
        )
    prompts = io.by_id(io.stream("data/evaluation.jsonl"), "data/evaluation.jsonl")
    shown = sample_browser.pick(
        {id: row["dataset"] for id, row in prompts.items()}, settings.samples, settings.seed
    )
    scores, texts, judged = _answers(seeds, shown)
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
    of_context = {id for id, row in prompts.items() if row["task"] != "instruction"}
    context_sets = {prompts[id]["dataset"] for id in of_context}
    intervals, counts = _intervals(averages, scores, settings)
    return Study(
        results=results,
        ends=[row for row in measured if row["run"] in runs.ENDS],
        averages=averages,
        context=aggregate.macro(row for row in measured if row["dataset"] in context_sets),
        instruction=aggregate.macro(row for row in measured if row["dataset"] not in context_sets),
        intervals=intervals,
        counts=counts,
        lengths=faithfulness_by_length.faithfulness(scores),
        judged=judged,
        calibration=data_statistics.read_json(Path("metrics/calibration.json")),
        pools=pools,
        curves=_curves(seeds),
        data=data_statistics.load(datasets),
        sources=sources,
        ablations=ablations.load("report/ablations"),
        seeds=sorted({row["seed"] for row in results}),
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
    families = [
        scores for name, pool in study.pools.items() if name == "reset" for scores in pool.values()
    ]
    if prompts := sum(scores.prompts for scores in families):
        numbers["reset_decidable"] = round(
            sum(scores.decidable for scores in families) / prompts, 4
        )
    missing = [
        row for row in study.results if row["metric"] == "missing" and row["value"] is not None
    ]
    if verdicts := sum(row["n"] for row in missing):
        numbers["scores_missing"] = round(
            sum(row["value"] * row["n"] for row in missing) / verdicts, 6
        )
    return numbers


def intervals(study: Study) -> list[Row]:
    """A row a comparison, ability and group: on how many prompts and seeds it stands, and the ends
    of its interval (scores from 0 to 1).
    """
    return [
        dict(zip(INTERVALS, (*key, *study.counts[key], *between), strict=True))
        for key, between in study.intervals.items()
    ]


HEADLINES = (
    ("stage1", "faithfulness"),
    ("stage2", "faithfulness"),
    ("chat", "instruction"),
    ("grounded", "instruction"),
    *[(run, metric) for run in ("mtl", "reset") for metric in tasks.JUDGES],
    *[
        (run, metric)
        for run in ("reset_s", "random", "control", "direct")
        for metric in tasks.JUDGES[:2]
    ],
)


def _files(folder: str, kind: str, seeds: Sequence[int]) -> Iterator[tuple[str, int, Path]]:
    """(name, seed, path) of the files <name>_<seed>.<kind> with one of `seeds`, runs in the order
    of the study. A file without a seed, of a start model, stands for every seed.
    """
    found: dict[str, dict[int, Path]] = {}
    for name in io.run_names(folder, seeds):
        run, seed = io.split_seed(name)
        for number in seeds if seed is None else [seed]:
            found.setdefault(run, {})[number] = Path(folder) / f"{name}.{kind}"
    for run in runs.ordered(found):
        for number in sorted(found[run]):
            yield run, number, found[run][number]


def _answers(
    seeds: Sequence[int], shown: set[str]
) -> tuple[dict[str, dict[int, list[Row]]], dict[str, dict[str, Row]], dict[str, Answers]]:
    """Scores of all answers by run and seed, the shown answers of the first seed by run and id, and
    what the judges said of all answers by data set; end checkpoints are left out.
    """
    scores: dict[str, dict[int, list[Row]]] = {}
    texts: dict[str, dict[str, Row]] = {}
    judged: dict[str, Answers] = {}
    kept = ("id", "dataset", "seen", "tokens", *[f"s_{judge}" for judge in tasks.JUDGES])
    for run, seed, path in _files("data/answers", "jsonl", seeds):
        if run in runs.ENDS:
            continue
        of_run = scores.setdefault(run, {}).setdefault(seed, [])
        for row in io.stream(path):
            of_run.append({column: row[column] for column in kept})
            judge_agreement.collect(row, judged)
            if seed == min(seeds) and row["id"] in shown:
                texts.setdefault(run, {})[row["id"]] = row
    return scores, texts, judged


def _intervals(
    averages: Mapping[Key, BySeed],
    scores: dict[str, dict[int, list[Row]]],
    settings: ReportSettings,
) -> tuple[
    dict[tuple[str, str, str, str], tuple[float, float]],
    dict[tuple[str, str, str, str], tuple[int, int]],
]:
    """The interval of each comparison, and its number of prompts and seeds."""
    intervals, counts = {}, {}
    for run, other, abilities in runs.COMPARISONS:
        for metric in abilities:
            for group in aggregate.groups_of(averages, metric):
                gaps = bootstrap.pairs(scores, run, other, metric, group)
                if gaps:
                    key = (run, other, metric, group)
                    intervals[key] = bootstrap.interval(gaps, settings.draws, settings.seed)
                    shapes = [table.shape for table in gaps.values()]
                    counts[key] = (sum(prompts for _, prompts in shapes), shapes[0][0])
    return intervals, counts


def _pools(
    settings: ReportSettings, seeds: Sequence[int]
) -> tuple[dict[str, dict[str, Scores]], list[Row]]:
    """Scores of each pool over all seeds, and the first seed's prompts for the browser."""
    pools: dict[str, dict[str, Scores]] = {}
    sources: list[Row] = []
    for pool, seed, path in _files("data/candidates", "jsonl", seeds):
        selection_headroom.collect(
            io.stream(path), pools.setdefault(pool, selection_headroom.empty())
        )
        if seed == min(seeds):
            ids = {row["id"]: row["dataset"] for row in io.stream(path)}
            shown = sample_browser.pick(ids, settings.samples, settings.seed)
            sources.append(
                {
                    "title": f"Pool {pool}, seed {seed}",
                    "kind": "pool",
                    "note": f"Drawn from the {len(ids):,} prompts of the pool.",
                    "rows": sample_browser.pool(
                        row for row in io.stream(path) if row["id"] in shown
                    ),
                }
            )
    return pools, sources


def _curves(seeds: Sequence[int]) -> dict[str, dict[int, list[Row]]]:
    curves: dict[str, dict[int, list[Row]]] = {}
    for run, seed, path in _files("metrics/train", "csv", seeds):
        steps: list[Row] = []
        for line, cells in enumerate(csv_table.read(path, TRAINING), 2):
            row = {
                name: csv_table.number(cells[name], f"{path}:{line} {name}") for name in TRAINING
            }
            if row["step"] is None:
                raise InputError(f"{path}:{line}: no step; a number is expected")
            steps.append({**row, "step": int(row["step"])})
        curves.setdefault(run, {})[seed] = steps
    return curves

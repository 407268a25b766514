"""The answers in which two revisions differ: how many, and the most changed ones for the browser of
samples.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from reset.core import io, tasks
from reset.core.io import Row
from reset.report import aggregate, runs, sample_browser
from reset.report.aggregate import Seed
from reset.report.numbers import show_seed
from reset.report.table import Table
from reset.tools.compare.revision import PROMPTS, Revision, answers

SHOWN = 100  # answers of a run and seed
SCORES = [f"s_{judge}" for judge in tasks.JUDGES]
COLUMNS = [
    "run",
    "seed",
    "answers on both sides",
    "another text",
    "another score",
    "on one side only",
]


def samples(a: Revision, b: Revision) -> tuple[Table, list[Row]]:
    """A row of counts for each run and seed of both sides, and what the browser shows (see
    `sample_browser.evaluation`).

    What a side lacks is left out: see its `missing`.
    """
    prompts = _prompts(a, b)
    counts: list[list[str]] = []
    sources: list[Row] = []
    for run, seed in _shared_runs(a, b):
        path = answers(run, seed)
        if not prompts or path not in a.files or path not in b.files:
            continue
        sides = {}
        for letter, side in (("A", a), ("B", b)):
            sides[f"{letter}: {side.name}"] = io.by_id(io.stream(side.files[path]), path)
        row, ids = compare(*sides.values())
        counts.append([run, show_seed(seed), *[f"{number:,}" for number in row]])
        chosen = _in_turn(ids, prompts)[:SHOWN]
        if chosen:
            chosen_prompts = [prompts[id] for id in chosen]
            source = {
                "title": run if seed is None else f"{run}, seed {seed}",
                "kind": "evaluation",
                "note": f"{len(ids):,} of {row[0]:,} answers changed.",
                "rows": sample_browser.evaluation(chosen_prompts, sides, set(chosen)),
            }
            sources.append(source)
    return Table("Answers that changed", COLUMNS, counts), sources


def _prompts(*sides: Revision) -> dict[str, Row]:
    """The evaluation prompts of the sides that have them, by id; those of the last side win."""
    prompts = {}
    for side in sides:
        if PROMPTS in side.files:
            prompts.update({row["id"]: row for row in io.stream(side.files[PROMPTS])})
    return prompts


def _shared_runs(a: Revision, b: Revision) -> list[tuple[str, Seed]]:
    """The runs and seeds that both sides have results of, in the order of the study."""
    of_both = {(row["run"], row["seed"]) for row in a.results}
    of_both &= {(row["run"], row["seed"]) for row in b.results}
    places = runs.ordered(run for run, _ in of_both)
    return sorted(of_both, key=lambda key: (places.index(key[0]), aggregate.seed_order(key[1])))


def compare(a: Mapping[str, Row], b: Mapping[str, Row]) -> tuple[list[int], list[str]]:
    """Counts of shared answers, of other texts, of other scores and of answers of one side; the
    changed ids, the largest change of score first.
    """
    shared = [id for id in a if id in b]
    texts = {id for id in shared if a[id]["text"] != b[id]["text"]}
    scores = {id: change for id in shared if (change := _change(a[id], b[id]))}
    counts = [len(shared), len(texts), len(scores), len(a) + len(b) - 2 * len(shared)]
    return counts, sorted({*texts, *scores}, key=lambda id: (-scores.get(id, 0.0), id))


def _in_turn(ids: Sequence[str], prompts: Mapping[str, Row]) -> list[str]:
    """The first of every data set, then the second of every data set, and so on."""
    met: Counter[str] = Counter()
    places = {}
    for id in ids:
        places[id] = met[prompts[id]["dataset"]]
        met[prompts[id]["dataset"]] += 1
    return sorted(ids, key=lambda id: places[id])


def _change(a: Row, b: Row) -> float:
    """The sum of the changes of the scores; a score that only one side has counts as 1."""
    gaps = [(a[key], b[key]) for key in SCORES if a[key] != b[key]]
    return sum(1.0 if None in pair else abs(pair[0] - pair[1]) for pair in gaps)

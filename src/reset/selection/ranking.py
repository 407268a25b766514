"""From judged samples to one training target a prompt: the score of the paper and the ways to
select by it.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from reset.core.errors import InputError
from reset.core.hashing import digest
from reset.core.io import Row
from reset.core.params import NonNegative, Part
from reset.core.tasks import judges_of

Selection = Literal["best", "worst", "random", "reference"]
Ties = Literal["first", "random"]
CutSamples = Literal["lose", "compete"]
KEPT = ("id", "dataset", "task", "instruction", "question", "context", "prompt")
CHOSEN = ("score", "s_task", "s_faithfulness", "s_instruction", "sample", "setting")


@dataclass(frozen=True)
class Weights:
    """What each score weighs; the paper counts the task once and the two others 2.0 times."""

    task: NonNegative
    instruction: NonNegative
    faithfulness: NonNegative


@dataclass(frozen=True)
class RankingSettings:
    """`ranking` of params.yaml. The paper leaves ties and cut samples open: both are our
    assumption.
    """

    weights: Weights
    selection: Selection
    ties: Ties  # of equal scores, the earlier sample, or one drawn by seed and id
    cut_samples: CutSamples  # lose: a sample that the length limit cut is taken if all were cut
    dev: Part  # share of the ranked rows held out to choose the checkpoint


def total(weights: Weights, task: str, scores: Row) -> float | None:
    """score = w_task · s_task + w_F · s_faithfulness (context rows) or w_IF · s_instruction
    (instruction rows).

    Context rows with constraints also count w_IF · s_constraints: meeting them is following an
    instruction (ours; the paper has none).

    `scores` holds s_task, s_faithfulness and s_instruction, each in [0, 1] or None, and
    s_constraints, in [0, 1], for a row with constraints. None where a
    score that counts for this task is missing: a missing score is never a number.
    """
    if task == "instruction":
        ability, weight = scores["s_instruction"], weights.instruction
    else:
        ability, weight = scores["s_faithfulness"], weights.faithfulness
    if ability is None or scores["s_task"] is None:
        return None
    score = weights.task * scores["s_task"] + weight * ability
    if "s_constraints" in scores:
        score += weights.instruction * scores["s_constraints"]
    return score


def by_sample(rows: Iterable[Row], where: str) -> dict[tuple[str, int], Row]:
    """Index rows by (id, sample), in order; a repeated pair is an InputError that names the file
    `where`.
    """
    index: dict[tuple[str, int], Row] = {}
    for row in rows:
        key = (row["id"], row["sample"])
        if key in index:
            raise InputError(
                f"{where}: sample {key[1]} of '{key[0]}' stands twice; each (id, sample) must stand"
                " once"
            )
        index[key] = row
    return index


def candidates(
    prompts: Iterable[Row],
    samples: Iterable[Row],
    verdicts: dict[str, dict[tuple[str, int], Row]],
    weights: Weights,
) -> list[Row]:
    """One row a prompt with all its samples, their scores and their total, in the order of
    `prompts`.

    `verdicts` maps task, faithfulness and instruction to the judge's rows by (id, sample). Task
    performance is 0 for instruction rows; the judge that does not apply to a row
    leaves None. A sample without a prompt, a prompt without samples, a repeated sample, a missing
    verdict and a verdict without a sample are InputErrors.
    """
    by_prompt: dict[str, list[Row]] = {}
    for sample in by_sample(samples, "samples").values():
        by_prompt.setdefault(sample["id"], []).append(sample)
    unused = {judge: set(found) for judge, found in verdicts.items()}
    rows = []
    for prompt in prompts:
        judged = []
        for sample in by_prompt.pop(prompt["id"], []):
            found = _verdicts_on(sample, judges_of(prompt["task"]), verdicts, unused)
            judged.append(_candidate(prompt, sample, found, weights))
        if not judged:
            raise InputError(f"samples: none for prompt '{prompt['id']}'; sample the pool again")
        row = {column: prompt[column] for column in KEPT}
        rows.append(row | {"reference": prompt["target"], "candidates": judged})
    if by_prompt:
        raise InputError(f"samples: '{next(iter(by_prompt))}' is no prompt of this pool")
    for judge, extra in unused.items():
        if extra:
            raise InputError(
                f"verdicts/{judge}: {len(extra)} verdicts on no sample, such as {min(extra)}"
            )
    return rows


def _verdicts_on(
    sample: Row,
    judges: Sequence[str],
    verdicts: dict[str, dict[tuple[str, int], Row]],
    unused: dict[str, set[tuple[str, int]]],
) -> dict[str, Row]:
    """The verdict of each judge on a sample, which `unused` loses."""
    key = (sample["id"], sample["sample"])
    found = {}
    for judge in judges:
        if key not in verdicts[judge]:
            raise InputError(
                f"verdicts/{judge}: no verdict on sample {key[1]} of '{key[0]}'; judge the samples"
                " again"
            )
        unused[judge].discard(key)
        found[judge] = verdicts[judge][key]
    return found


def _candidate(prompt: Row, sample: Row, found: dict[str, Row], weights: Weights) -> Row:
    """A sample with its scores; `found` holds the verdicts of the judges that apply."""
    scores: Row = {"s_task": 0.0, "s_faithfulness": None, "s_instruction": None}
    scores |= {f"s_{judge}": verdict["score"] for judge, verdict in found.items()}
    if prompt.get("constraints"):
        scores["s_constraints"] = found["task"]["constraints"]
    row = {column: sample[column] for column in ("sample", "setting", "text", "finish")}
    return row | scores | {"score": total(weights, prompt["task"], scores)}


def select(
    row: Row, how: Selection, seed: int, ties: Ties = "first", cut_samples: CutSamples = "lose"
) -> Row | None:
    """The chosen target of one row of `candidates`: a ranked row, or None when no candidate has a
    score.

    best and worst go by score, equal scores by `ties`; random draws evenly among the scored
    candidates, by `seed` and the row's id; reference takes the original reference. Whatever the
    selection, a candidate that the length limit cut, or that is empty, is taken only where all are
    (`eligible`). What was not chosen by its score carries none, so that a weight changes nothing
    about it.
    """
    pool = eligible(row["candidates"], cut_samples)
    if not pool:
        return None
    draw = random.Random(f"{seed}:{row['id']}")
    if how == "reference":
        chosen = dict.fromkeys(CHOSEN) | {"text": row["reference"]}
    elif how == "random":
        chosen = draw.choice(pool) | {"score": None}
    else:
        extreme = max if how == "best" else min
        wanted = extreme(candidate["score"] for candidate in pool)
        tied = [candidate for candidate in pool if candidate["score"] == wanted]
        chosen = draw.choice(tied) if ties == "random" else tied[0]
    ranked = {column: row[column] for column in ("id", "dataset", "task", "prompt")}
    ranked["target"] = chosen["text"]
    ranked |= {column: chosen[column] for column in CHOSEN}
    if "s_constraints" in chosen:
        ranked["s_constraints"] = chosen["s_constraints"]
    return ranked


def eligible(candidates: Sequence[Row], cut_samples: CutSamples) -> list[Row]:
    """The scored candidates that may win, in the order of their samples.

    Trained on, a cut answer teaches to stop in mid-sentence, because its target ends with an
    end-of-sequence token as any other; an empty one teaches silence. Each kind is left out as long
    as another candidate remains.
    """
    pool = sorted(
        (candidate for candidate in candidates if candidate["score"] is not None),
        key=lambda candidate: candidate["sample"],
    )
    answered = [candidate for candidate in pool if candidate["text"].strip()]
    pool = answered or pool
    if cut_samples == "compete":
        return pool
    whole = [candidate for candidate in pool if candidate["finish"] != "length"]
    return whole or pool


def split(ranked: list[Row], share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """Ranked rows to train on, and those held out to choose the checkpoint: `share` of them, never
    none nor all.

    The choice goes by id and seed, so runs on the same prompts hold out the same ones. The held-out
    rows are of the run's own kind (our assumption): by the noisy references of the mix, the best
    checkpoint would be an early one.
    """
    if not 0 <= share < 1:
        raise InputError(f"params.yaml: 'ranking.dev': expected a number in [0, 1), got {share:g}")
    if len(ranked) < 2:
        raise InputError(
            f"{len(ranked)} ranked rows; two at least are needed, to train on and to choose the"
            " checkpoint by: more prompts in sampling.pools, or fewer without a score"
        )
    held = sorted(ranked, key=lambda row: digest(seed, row["id"]))
    held = held[: min(max(1, round(share * len(ranked))), len(ranked) - 1)]
    ids = {row["id"] for row in held}
    train = [row for row in ranked if row["id"] not in ids]
    dev = [row for row in ranked if row["id"] in ids]
    return train, dev

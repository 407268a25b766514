"""What a run's answers are worth: every number of one answer, and their means by data set."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reset.core import io
from reset.core.errors import InputError
from reset.core.io import Row
from reset.core.tasks import JUDGES, judges_of
from reset.evaluation import csv_table
from reset.text import overlap
from reset.text.words import count_words

COLUMNS = ("run", "seed", "dataset", "seen", "metric", "value", "n", "measure")
OVERLAPS = ("unigram_coverage", "bigram_coverage", "k_precision")
METRICS = (*JUDGES, "constraints", *OVERLAPS, "length", "empty", "at_limit", "missing")


def answers(
    prompts: Sequence[Row],
    predictions: Sequence[Row],
    verdicts: Mapping[str, Sequence[Row]],
    name: str,
) -> list[Row]:
    """One row a prompt with its answer and every number of that answer, in the order of `prompts`.

    `prompts` are rows of data/evaluation.jsonl, `predictions` the greedy answers (sample 0),
    `verdicts` the rows of the judges by `task`, `faithfulness` and `instruction`. All are joined by
    id: a missing, extra or repeated one is an InputError that names `name`, the run and seed.
    Columns: id, dataset, task, seen, text, tokens, finish, `words` and `reference_words` (of the
    answer and of the prompt's target, both by `count_words`, since runs that are compared may have
    other tokenizers; None for a prompt without a target), the scores s_instruction, s_faithfulness
    and s_task (0 to 1, None where the judge does not apply or gave none), the overlaps with the
    context (0 to 1, None without context or words), s_constraints (the share met, 0 to 1; only in
    rows of prompts with constraints), `judges`: the measure behind each score, and `ratings`: every
    rating of 1 to 10 that the instruction judge gave (None for a reply without one), None
    elsewhere.
    """
    by_id = io.by_id(prompts, "data/evaluation.jsonl")
    predicted = _join(by_id, predictions, f"data/predictions/{name}.jsonl")
    judged = {}
    for judge in JUDGES:
        wanted = {key: row for key, row in by_id.items() if judge in judges_of(row["task"])}
        path = f"data/verdicts/{judge}/predictions/{name}.jsonl"
        judged[judge] = _join(wanted, verdicts[judge], path)
    rows = []
    for key, prompt in by_id.items():
        scored = {judge: judged[judge][key] for judge in judges_of(prompt["task"])}
        rows.append(_answer(prompt, predicted[key], scored))
    return rows


def _answer(prompt: Row, prediction: Row, scored: Mapping[str, Row]) -> Row:
    """One row of `answers`; `scored` holds the verdicts of the judges that apply."""
    row = {column: prompt[column] for column in ("id", "dataset", "task", "seen")}
    row |= {column: prediction[column] for column in ("text", "tokens", "finish")}
    row["words"] = count_words(prediction["text"])
    row["reference_words"] = count_words(prompt.get("target") or "") or None
    for judge in JUDGES:
        row[f"s_{judge}"] = scored[judge]["score"] if judge in scored else None
    if prompt.get("constraints"):
        row["s_constraints"] = scored["task"]["constraints"]
    row |= overlaps(prompt, prediction["text"])
    row["judges"] = {judge: verdict["metric"] for judge, verdict in scored.items()}
    row["ratings"] = scored.get("instruction", {}).get("ratings")
    return row


def _join(wanted: dict[str, Row], rows: Iterable[Row], where: str) -> dict[str, Row]:
    found = io.by_id(rows, where)
    for key, row in found.items():
        if key not in wanted:
            raise InputError(
                f"{where}: '{key}' is no row of data/evaluation.jsonl that belongs here; make it"
                " again"
            )
        if row["sample"] != 0:
            raise InputError(
                f"{where}: '{key}' is sample {row['sample']}; one greedy answer, sample 0, is"
                " expected"
            )
    for key in wanted:
        if key not in found:
            raise InputError(f"{where}: no row for '{key}'; make the file again")
    return found


def overlaps(prompt: Row, text: str) -> Row:
    """The OVERLAPS of an answer with the context it was given (see `text.overlap`); None for
    instruction rows.
    """
    if prompt["task"] == "instruction":
        return dict.fromkeys(OVERLAPS)
    found = overlap.columns(text, prompt["context"])
    return {column: found[column] for column in OVERLAPS}


def measure(run: str, seed: int | None, rows: Sequence[Row]) -> list[Row]:
    """Means over the rows of `answers`: a row a data set and metric, with the COLUMNS, data sets as
    they first come.

    `instruction`, `faithfulness` and `task` are means of the scores that are present (0 to 1; the
    judge's rating of 1 to 10 is stored as a tenth of it), and `measure` names what gave them.
    `constraints` is the mean share met over the answers to prompts that have any; a data set
    without such prompts has no row of it.
    `length` counts generated tokens, `empty` and `at_limit` are the shares of answers without text
    and of answers cut at the limit, `missing` the share of verdicts without a score. `n` is the
    number of values behind a mean; the value is None where there is none.
    """
    by_dataset: dict[str, list[Row]] = {}
    for row in rows:
        by_dataset.setdefault(row["dataset"], []).append(row)
    result = []
    for dataset, group in by_dataset.items():
        for metric in METRICS:
            values, kind = _values(metric, group, f"{run}: data set '{dataset}'")
            if values is None:
                continue
            present = [value for value in values if value is not None]
            mean = sum(present) / len(present) if present else None
            cells = (run, seed, dataset, group[0]["seen"], metric, mean, len(present), kind)
            result.append(dict(zip(COLUMNS, cells, strict=True)))
    return result


def _values(metric: str, group: Sequence[Row], where: str) -> tuple[list[float | None] | None, str]:
    """One value an answer and the name of the measure; None where the metric does not apply to the
    data set.
    """
    if metric == "length":
        return [row["tokens"] for row in group], "tokens"
    if metric == "empty":
        return [float(not row["text"].strip()) for row in group], ""
    if metric == "at_limit":
        return [float(row["finish"] == "length") for row in group], ""
    if metric == "missing":
        return [float(row[f"s_{judge}"] is None) for row in group for judge in row["judges"]], ""
    if metric == "constraints":
        shares = [row["s_constraints"] for row in group if "s_constraints" in row]
        return shares or None, "share met"
    if metric in JUDGES:
        kinds = sorted({row["judges"][metric] for row in group if metric in row["judges"]})
        if not kinds:
            return None, ""
        if len(kinds) > 1:
            raise InputError(
                f"{where} has {metric} scores of more than one measure: {', '.join(kinds)}"
            )
        return [row[f"s_{metric}"] for row in group], kinds[0]
    if group[0]["task"] == "instruction":
        return None, ""
    return [row[metric] for row in group], ""


def read(path: str | Path) -> list[Row]:
    """Rows of a metrics/runs file (or of metrics/results.csv) with numbers where numbers belong."""
    rows: list[Row] = []
    for number, cells in enumerate(csv_table.read(path, COLUMNS), 2):
        where = f"{path}:{number}"
        if cells["seen"] not in ("true", "false"):
            raise InputError(f"{where}: seen is '{cells['seen']}'; true or false is expected")
        row: dict[str, Any] = {**cells, "seen": cells["seen"] == "true"}
        seed = csv_table.number(cells["seed"], f"{where} seed")
        row["seed"] = None if seed is None else int(seed)
        row["n"] = int(csv_table.number(cells["n"], f"{where} n") or 0)
        row["value"] = csv_table.number(cells["value"], f"{where} value")
        rows.append(row)
    return rows

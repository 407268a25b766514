"""mix[mix]: training rows of several data sets, decontaminated, with a dev part and exact up-sampling."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from reset import mixtures, params, records
from reset.datasets import chosen
from reset.decontamination import EvaluationText, Ngrams
from reset.errors import explain
from reset.mixtures import Settings
from reset.records import Row

PROMPTS = Path("data/prompts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mix")
    mix = parser.parse_args().mix
    data = params.declared("mix", mix=mix).data
    sets = {name: chosen(name, data.datasets[name]) for name in data.datasets}
    files = {name: PROMPTS / name / "train.jsonl" for name in sets if sets[name].trains}
    tasks = {name: mixtures.task(file, name) for name, file in files.items()}
    names = mixtures.data_sets(mix, tasks, sets)

    def rows() -> Iterator[Row]:
        return (row for name in names for row in records.stream(files[name]))

    settings = params.build(Settings, {name: data[name] for name in Settings.__annotations__}, "data")
    evaluation = EvaluationText(records.stream("data/evaluation.jsonl"), Ngrams(settings.ngram))
    read = tqdm(rows(), f"mix {mix}", unit=" rows", disable=None, mininterval=1)
    mixture = mixtures.plan(read, evaluation, settings.dev, settings.seed)
    folder = Path("data/mixes") / mix
    records.by_id(({"id": row["id"]} for row in rows()), PROMPTS)
    trained = records.write(folder / "train.jsonl", mixtures.train_rows(rows(), mixture))
    held = records.write(folder / "dev.jsonl", mixtures.dev_rows(rows(), mixture))
    records.write_json(f"metrics/mixes/{mix}.json", mixture.counts)
    lost = {reason: sum(c[reason] for c in mixture.counts.values()) for reason in mixtures.REASONS}
    steps = sum(mixture.copies.values())
    print(f"mix {mix}: {trained} rows, {steps} with copies, {held} dev; dropped: {lost}", file=sys.stderr)


if __name__ == "__main__":
    explain(main)

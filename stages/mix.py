"""mix[mix]: training rows of several data sets, decontaminated, with a dev part and exact
up-sampling.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from reset.core import io, params
from reset.core.errors import run_stage
from reset.core.io import Row
from reset.data.mixes import mixtures
from reset.data.mixes.decontamination import EvaluationText, Ngrams
from reset.data.mixes.mixtures import MixSettings
from reset.data.sources.dataset_config import chosen

PROMPTS = Path("data/prompts")
WORTH_A_LINE = 0.2  # share of a data set's rows


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
        return (row for name in names for row in io.stream(files[name]))

    settings = params.build(
        MixSettings, {name: data[name] for name in MixSettings.__annotations__}, "data"
    )
    evaluation = EvaluationText(io.stream("data/evaluation.jsonl"), Ngrams(settings.ngram))
    read = tqdm(rows(), f"mix {mix}", unit=" rows", disable=None, mininterval=1)
    mixture = mixtures.plan(read, evaluation, settings.dev, settings.seed)
    folder = Path("data/mixes") / mix
    io.by_id(({"id": row["id"]} for row in rows()), PROMPTS)
    trained = io.write(folder / "train.jsonl", mixtures.train_rows(rows(), mixture))
    held = io.write(folder / "dev.jsonl", mixtures.dev_rows(rows(), mixture))
    io.write_json(f"metrics/mixes/{mix}.json", mixture.counts)
    for name, count in mixture.counts.items():
        shared = count[mixtures.CONTAMINATED]
        if shared > WORTH_A_LINE * count["read"]:
            print(
                f"mix {mix}: {shared} of the {count['read']} training rows of {name} share"
                f" {settings.ngram} words with an evaluation row and do not train; a column `split`"
                " that keeps a document's rows together loses fewer (docs/own-data.md)",
                file=sys.stderr,
            )
    lost = dict.fromkeys(mixtures.REASONS, 0)
    for count in mixture.counts.values():
        for reason in lost:
            lost[reason] += count[reason]
    steps = sum(mixture.copies.values())
    print(
        f"mix {mix}: {trained} rows, {steps} with copies, {held} dev; dropped: {lost}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    run_stage(main)

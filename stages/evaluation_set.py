"""evaluation_set: the evaluation rows of all data sets, unseen in training, with the column `seen`
of their set.
"""

import sys
from pathlib import Path

from reset.core import io, params
from reset.core.errors import run_stage
from reset.data.mixes import evaluation_set
from reset.data.sources.dataset_config import chosen

PROMPTS = Path("data/prompts")


def main() -> None:
    data = params.declared("evaluation_set").data
    sets = {name: chosen(name, data.datasets[name]) for name in data.datasets}

    trained = evaluation_set.trained_requests(PROMPTS / name / "train.jsonl" for name in sets)
    rows, counts = evaluation_set.evaluation_rows(
        {name: io.stream(PROMPTS / name / "eval.jsonl") for name in sets}, sets, trained, data.seed
    )
    io.by_id(rows, "data/evaluation.jsonl")
    io.write("data/evaluation.jsonl", rows)
    io.write_json("metrics/evaluation_set.json", counts)
    seen = sum(count["seen_in_training"] for count in counts.values())
    print(
        f"evaluation_set: {len(rows)} rows of {len(counts)} data sets; {seen} seen in training",
        file=sys.stderr,
    )


if __name__ == "__main__":
    run_stage(main)

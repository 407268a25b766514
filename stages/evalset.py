"""evalset: the evaluation rows of all data sets, unseen in training, with the column `seen` of their set."""

import sys
from pathlib import Path

from reset import evalset, params, records
from reset.datasets import chosen
from reset.errors import explain

PROMPTS = Path("data/prompts")


def main() -> None:
    data = params.declared("evalset").data
    sets = {name: chosen(name, data.datasets[name]) for name in data.datasets}

    training = (row for name in sets for row in records.stream(PROMPTS / name / "train.jsonl"))
    trained = evalset.trained_requests(training)
    rows, counts = evalset.evaluation_rows(
        {name: records.stream(PROMPTS / name / "eval.jsonl") for name in sets}, sets, trained, data.seed
    )
    records.by_id(rows, "data/evaluation.jsonl")
    records.write("data/evaluation.jsonl", rows)
    records.write_json("metrics/evalset.json", counts)
    seen = sum(count["seen_in_training"] for count in counts.values())
    print(f"evalset: {len(rows)} rows of {len(counts)} data sets; {seen} were seen in training", file=sys.stderr)


if __name__ == "__main__":
    explain(main)

"""Greedy answers of one model to the evaluation prompts."""

import argparse
from pathlib import Path

from reset.core import params
from reset.core.errors import run_stage
from reset.core.io import by_id, read, require_columns, write
from reset.generation import generate
from reset.generation.decoding import Request, greedy_draws
from reset.generation.engines import EngineSettings

PROMPTS = "data/evaluation.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", help="the stage of dvc.yaml whose params are read")
    parser.add_argument("name", help="<run>_<seed>, or the name of a start model")
    given = parser.parse_args()
    declared = params.declared(given.stage)
    settings = params.build(EngineSettings, declared.sampling, "sampling")

    rows = by_id(read(PROMPTS), PROMPTS)
    for id, row in rows.items():
        require_columns(row, ["prompt"], f"{PROMPTS}, id {id}")
    requests = [Request(id, row["prompt"], greedy_draws()) for id, row in rows.items()]
    answers = generate.generate(
        Path("models") / given.name, requests, settings, declared.evaluation.max_new_tokens
    )
    write(f"data/predictions/{given.name}.jsonl", answers)
    cut = sum(answer["finish"] == "length" for answer in answers)
    print(f"predict {given.name}: {len(answers)} answers, {cut} of them cut at the length limit")


if __name__ == "__main__":
    run_stage(main)

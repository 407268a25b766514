"""template[dataset]: records as prompts and targets; over-long rows are treated by policy and counted."""

import argparse
import sys
from pathlib import Path

from reset import params, prompting, records, templates, window
from reset.errors import InputError, explain
from reset.overlong import TokenCounter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    dataset = parser.parse_args().dataset
    declared = params.declared("template", key=dataset)
    answer_tokens = max(declared.sampling.max_new_tokens, declared.evaluation.max_new_tokens)
    settings = params.build(prompting.Settings, {**declared.data, "answer_tokens": answer_tokens}, "data")

    tokenizer = Path("models/base/tokenizer.json")
    if not tokenizer.is_file():
        raise InputError(f"{tokenizer}: the base model has no tokenizer; run the stage models@base")
    window.check(tokenizer.parent, "data.max_tokens", settings.max_tokens)
    counts = prompting.prompt_folder(
        Path("data/filtered") / dataset,
        Path("data/prompts") / dataset,
        templates.load(settings.templates),
        TokenCounter(str(tokenizer)),
        settings,
    )
    records.write_json(f"metrics/prompts/{dataset}.json", counts)
    for part, count in counts.items():
        print(f"template {dataset} {part}: {count['kept']} prompts, {count['cut']} cut", file=sys.stderr)


if __name__ == "__main__":
    explain(main)

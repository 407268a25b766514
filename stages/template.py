"""template[dataset]: records as prompts and targets; over-long rows are treated by policy and
counted.
"""

import argparse
import sys
from pathlib import Path

from reset.core import io, params
from reset.core.errors import InputError, run_stage
from reset.data.prompts import render_prompts, templates
from reset.data.prompts.truncation import TokenCounter
from reset.tokens import chat_template, context_window


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    dataset = parser.parse_args().dataset
    declared = params.declared("template", key=dataset)
    answer_tokens = max(declared.sampling.max_new_tokens, declared.evaluation.max_new_tokens)
    settings = params.build(
        render_prompts.PromptSettings, {**declared.data, "answer_tokens": answer_tokens}, "data"
    )
    style = params.build(templates.TemplateSettings, declared.template, "template").style

    model = Path("models/chat")
    if not (model / "tokenizer.json").is_file():
        raise InputError(
            f"{model}: the chat model has no tokenizer.json; run the stage models@chat"
        )
    context_window.check(model, "data.max_tokens", settings.max_tokens)
    layout = templates.load(settings.templates)
    if style == "chat":
        layout = layout.chat(chat_template.renderer(model))
    counts = render_prompts.prompt_folder(
        Path("data/filtered") / dataset,
        Path("data/prompts") / dataset,
        layout,
        TokenCounter(str(model / "tokenizer.json")),
        settings,
    )
    io.write_json(f"metrics/prompts/{dataset}.json", counts)
    for part, count in counts.items():
        print(
            f"template {dataset} {part}: {count['kept']} prompts, {count['cut']} cut,"
            f" {count['long_targets']} with a target longer than an answer may be",
            file=sys.stderr,
        )


if __name__ == "__main__":
    run_stage(main)

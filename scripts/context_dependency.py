"""How much loss the context saves a model on the targets of training rows, and the rows where it
saves enough.

No stage of the graph. What it writes can be a data set of your own (docs/own-data.md).
"""

import argparse
from pathlib import Path

from reset.core import io, params
from reset.core.errors import run_stage
from reset.data.prompts import templates
from reset.tokens import chat_template
from reset.tools import context_gain

COLUMNS = ("id", "dataset", "task", "instruction", "question", "context", "prompt", "target")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", help="training rows, such as data/mixes/context/train.jsonl")
    parser.add_argument("model", type=Path, help="model folder, such as models/chat")
    parser.add_argument(
        "out", help="the JSON Lines file to write: the rows that are kept, with context_gain"
    )
    parser.add_argument(
        "--least",
        type=float,
        default=0.0,
        help="keep rows whose gain (nats a token) is at least this",
    )
    args = parser.parse_args()
    everything = params.load("params.yaml")
    wording = templates.load(everything["data"]["templates"])
    if everything["template"]["style"] == "chat":
        wording = wording.chat(chat_template.renderer(args.model))

    rows = io.read(args.rows)
    for number, row in enumerate(rows, 1):
        io.require_columns(row, COLUMNS, f"{args.rows}, row {number}")
    found = context_gain.gains(
        rows, wording, args.model, everything["train"]["shared"]["max_length"]
    )
    for name, (count, mean, large) in context_gain.summary(rows, found, args.least).items():
        print(
            f"{name}: {count} rows with a context, {mean:+.3f} nats a token on average,"
            f" {large} kept"
        )
    kept = []
    for row, gain in zip(rows, found, strict=True):
        if gain is not None and gain >= args.least:
            kept.append({**row, "context_gain": round(gain, 6)})
    io.write(args.out, kept)


if __name__ == "__main__":
    run_stage(main)

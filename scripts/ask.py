"""Ask one of the project's models: questions from the terminal (or one as an argument), answers
streamed.
"""

import argparse
import sys
from pathlib import Path

from reset.core.errors import run_stage
from reset.tools import ask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a folder below models/, such as reset_31")
    parser.add_argument("question", nargs="?", help="without it, questions are read line by line")
    parser.add_argument("--passages", type=Path, help="a text file; blank lines part its passages")
    parser.add_argument("--task", default="abstractive_qa", help="with passages: what is asked for")
    args = parser.parse_args()
    ask.check_task(args.task)
    passages = ask.passages_of(args.passages)
    model = ask.Model(Path("models") / args.model)

    for question in [args.question] if args.question else questions():
        for piece in model.answer(model.prompt(question, passages, args.task)):
            print(piece, end="", flush=True)
        print()


def questions():
    """The lines of standard input, with a prompt sign on a terminal, up to an empty line or its
    end.
    """
    sign = "? " if sys.stdin.isatty() else ""
    while True:
        try:
            line = input(sign).strip()
        except EOFError:
            return
        if not line:
            return
        yield line


if __name__ == "__main__":
    run_stage(main)

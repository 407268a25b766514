"""Ask one of the project's models: questions from the terminal (or one as an argument), answers
streamed.
"""

import argparse
import sys
from pathlib import Path

from reset.core.errors import InputError, run_stage
from reset.tools import ask

QUESTION = "without it, questions are read line by line, but for a summary, which needs none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a folder below models/, such as reset_31")
    parser.add_argument("question", nargs="?", help=QUESTION)
    parser.add_argument("--passages", type=Path, help="a text file; blank lines part its passages")
    parser.add_argument("--task", help="with passages: what is asked for")
    args = parser.parse_intermixed_args()
    task = ask.task_of(args.task)
    passages = ask.passages_of(args.passages)
    model = ask.Model(ask.model_folder(args.model))

    needs_none = passages and task == "summarization"
    asked = [args.question or ""] if args.question or needs_none else questions()
    try:
        for question in asked:
            model.answer(model.prompt(question, passages, task))
    except KeyboardInterrupt:
        sys.exit(130)


def questions():
    """The lines of standard input, with a prompt sign on a terminal, up to an empty line or its
    end.
    """
    sign = "? " if sys.stdin.isatty() else ""
    while True:
        try:
            line = input(sign).removeprefix("\ufeff").strip()
        except EOFError:
            return
        except UnicodeDecodeError as error:
            raise InputError(
                f"standard input: not text in {sys.stdin.encoding} ({error})"
            ) from None
        if not line:
            return
        yield line


if __name__ == "__main__":
    run_stage(main)

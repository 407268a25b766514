"""A question to one of the project's models, prompted as it was trained, with a streamed answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reset.core import params
from reset.core.errors import InputError
from reset.core.tasks import CONTEXT_TASKS
from reset.data.prompts import templates
from reset.tokens import chat_template
from reset.tokens.encoding import encode_prompts


class Model:
    """A model folder below models/, loaded once for many questions."""

    def __init__(self, folder: Path):
        from transformers import AutoModelForCausalLM, AutoTokenizer

        if not (folder / "config.json").is_file():
            known = sorted(path.parent.name for path in Path("models").glob("*/config.json"))
            raise InputError(
                f"{folder}: no such model; here are {', '.join(known) or 'none'}: run `make tune`"
                " or `dvc pull` first"
            )
        settings = params.load("params.yaml")
        self.layout = templates.load(settings["data"]["templates"])
        if settings["template"]["style"] == "chat":
            self.layout = self.layout.chat(chat_template.renderer(folder))
        self.limit = settings["evaluation"]["max_new_tokens"]
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.model: Any = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, dtype="auto", device_map=_device()
        )

    def prompt(self, question: str, passages: list[str], task: str) -> str:
        """The prompt of a question: about `passages` as `task` asks for it, or as a plain request
        where there are none.
        """
        row = {"task": task, "instruction": "", "question": question, "context": passages}
        if not passages:
            row |= {"task": "instruction", "instruction": question, "question": ""}
        return self.layout.render(row)

    def answer(self, prompt: str) -> Iterator[str]:
        """The pieces of the greedy answer, as they are generated."""
        from threading import Thread

        import torch
        from transformers import TextIteratorStreamer

        ids = encode_prompts([prompt], self.tokenizer)[0]
        pieces = TextIteratorStreamer(self.tokenizer, skip_prompt=True, skip_special_tokens=True)
        tensor = torch.tensor([ids], device=self.model.device)
        settings = {"max_new_tokens": self.limit, "do_sample": False, "streamer": pieces}
        work = Thread(
            target=self.model.generate,
            kwargs={"input_ids": tensor, "attention_mask": torch.ones_like(tensor), **settings},
        )
        work.start()
        yield from pieces
        work.join()


def passages_of(path: Path | None) -> list[str]:
    """The passages of a text file, which blank lines part; none without a file."""
    if path is None:
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    blocks = text.replace("\r\n", "\n").split("\n\n")
    found = [" ".join(block.split()) for block in blocks if block.strip()]
    if not found:
        raise InputError(f"{path}: holds no passage")
    return found


def check_task(task: str) -> None:
    """InputError unless `task` answers from a context."""
    if task not in CONTEXT_TASKS:
        raise InputError(f"task '{task}': expected one of {', '.join(CONTEXT_TASKS)}")


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"

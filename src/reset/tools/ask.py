"""A question to one of the project's models, prompted as it was trained, with a streamed answer."""

import re
from pathlib import Path
from typing import Any

from reset.core import params
from reset.core.errors import InputError
from reset.core.tasks import CONTEXT_TASKS
from reset.data.datasets import registry
from reset.data.prompts import templates
from reset.tokens import chat_template
from reset.tokens.encoding import encode_prompts

DEFAULT_TASK = "abstractive_qa"


class Model:
    """A model folder below models/, loaded once for many questions."""

    def __init__(self, folder: Path):
        import torch
        from transformers import AutoModelForCausalLM

        from reset.generation.engines.tokenized_prompts import TokenizedPrompts

        settings = params.load("params.yaml")
        self.layout = templates.load(settings["data"]["templates"])
        if settings["template"]["style"] == "chat":
            self.layout = self.layout.chat(chat_template.renderer(folder))
        limit = settings["evaluation"]["max_new_tokens"]
        self.encoding = TokenizedPrompts(folder, limit)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model: Any = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, dtype="auto", device_map=device
        )

    def prompt(self, question: str, passages: list[str], task: str) -> str:
        """The prompt of a question: about `passages` as `task` asks for it, or as a plain request
        where there are none.
        """
        row = {"task": task, "instruction": "", "question": question, "context": passages}
        if not passages:
            row |= {"task": "instruction", "instruction": question, "question": ""}
        return self.layout.render(row)

    def answer(self, prompt: str) -> None:
        """Print the greedy answer, as it is generated. InputError for a prompt that leaves no room
        for one in the model's window.
        """
        import torch
        from transformers import TextStreamer

        tokenizer, window = self.encoding.tokenizer, self.encoding.window
        ids = encode_prompts([prompt], tokenizer)[0]
        limit = self.encoding.max_new_tokens
        if window and len(ids) + limit > window:
            raise InputError(
                f"passages and question have {len(ids)} tokens, which leave no room for an answer"
                f" of {limit} (evaluation.max_new_tokens) in the model's window of {window}; give"
                " fewer or shorter passages"
            )
        tensor = torch.tensor([ids], device=self.model.device)
        self.model.generate(
            input_ids=tensor,
            attention_mask=torch.ones_like(tensor),
            max_new_tokens=limit,
            do_sample=False,
            eos_token_id=self.encoding.stops,
            pad_token_id=self.encoding.stops[0],
            streamer=TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True),
        )


def model_folder(name: str) -> Path:
    """The folder models/<name>; InputError where it holds no model."""
    folder = Path("models") / name
    if not (folder / "config.json").is_file():
        known = sorted(path.parent.name for path in Path("models").glob("*/config.json"))
        raise InputError(
            f"{folder}: no such model; here are {', '.join(known) or 'none'}: run `make tune`"
            " or `dvc pull` first"
        )
    return folder


def passages_of(path: Path | None) -> list[str]:
    """The passages of a text file, which blank lines part; none without a file."""
    if path is None:
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    blocks = re.split(r"\n\s*\n", text)
    found = [" ".join(block.split()) for block in blocks if block.strip()]
    if not found:
        raise InputError(f"{path}: holds no passage")
    return found


def task_of(given: str | None) -> str:
    """The task that questions about passages are put as: the one given, InputError unless it
    answers from a context; without one, abstractive_qa, but a task that params.yaml trains where it
    does not train that.
    """
    if given is not None:
        if given not in CONTEXT_TASKS:
            raise InputError(f"task '{given}': expected one of {', '.join(CONTEXT_TASKS)}")
        return given
    trained = []
    for name, section in params.load("params.yaml")["data"]["datasets"].items():
        task = registry.task(name, section["source"])
        if task in CONTEXT_TASKS and section["train"] != 0:
            trained.append(task)
    return DEFAULT_TASK if DEFAULT_TASK in trained else next(iter(trained), DEFAULT_TASK)

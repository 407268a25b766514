"""Prompts in the Alpaca layout or in a model's chat form: one render function for training,
sampling, evaluation.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from reset.core.errors import InputError
from reset.core.io import Row
from reset.core.tasks import CONTEXT_TASKS

FOLDER = Path("prompts")
MARKS = re.compile(r"(\{instruction\}|\{input\})")


@dataclass(frozen=True)
class TemplateSettings:
    """The section `template`. alpaca: the layout of the folder `data.templates`. chat: instruction,
    empty line and input as a message in the chat model's own template.
    """

    style: Literal["alpaca", "chat"]


@dataclass(frozen=True)
class Template:
    """A template cut at its marks: texts in turn with "{instruction}" and "{input}"."""

    parts: tuple[str, ...]

    def fill(self, instruction: str, given: str = "") -> str:
        """The template with its marks replaced. What is put in is never searched for marks."""
        values = {"{instruction}": instruction, "{input}": given}
        return "".join(values.get(part, part) for part in self.parts)


@dataclass(frozen=True)
class Templates:
    """Templates with and without an input part, the instruction of each context-dependent task, and
    what is done with a template once it is filled: nothing in the Alpaca layout.
    """

    with_input: Template
    without_input: Template
    instructions: dict[str, str]
    frame: Callable[[str], str] = str

    def chat(self, frame: Callable[[str], str]) -> "Templates":
        """The same instructions in messages that `frame` puts into a chat template."""
        return replace(self, with_input=MESSAGE, without_input=BARE_MESSAGE, frame=frame)

    def instruction(self, row: Row) -> str:
        """The row's own instruction, or that of its task."""
        return row["instruction"] or self.instructions[row["task"]]

    def render(self, row: Row, context: list[str] | None = None) -> str:
        """The prompt of a record; `context` stands in for the row's own passages where they had to
        be shortened.

        The passages come line by line, then the question (paper). A row with neither has no input
        part.
        """
        passages = row["context"] if context is None else context
        given = "\n".join([*passages, *([row["question"]] if row["question"] else [])])
        if row["task"] not in CONTEXT_TASKS and not given:
            return self.frame(self.without_input.fill(self.instruction(row)))
        return self.frame(self.with_input.fill(self.instruction(row), given))


MESSAGE = Template(("{instruction}", "\n\n", "{input}"))
BARE_MESSAGE = Template(("{instruction}",))


def load(name: str, folder: Path = FOLDER) -> Templates:
    """The templates in `folder`/`name`; InputError for a missing file or a template that lacks a
    mark.

    Marks stand once each: {instruction} and {input} in with_input.txt, {instruction} in
    without_input.txt. A last line break in a file belongs to the file and not to the prompt.
    """
    if not (folder / name).is_dir():
        known = ", ".join(sorted(path.name for path in folder.glob("*") if path.is_dir())) or "none"
        raise InputError(
            f"params.yaml: 'data.templates' is '{name}'; folders below {folder}: {known}"
        )
    return Templates(
        _template(folder / name / "with_input.txt", ("{instruction}", "{input}")),
        _template(folder / name / "without_input.txt", ("{instruction}",)),
        {task: _text(folder / name / f"instruction_{task}.txt") for task in CONTEXT_TASKS},
    )


def _template(path: Path, marks: tuple[str, ...]) -> Template:
    parts = tuple(MARKS.split(_text(path)))
    if sorted(part for part in parts if MARKS.fullmatch(part)) != sorted(marks):
        raise InputError(
            f"{path}: each of {' and '.join(marks)} must stand in it once, and no other mark"
        )
    return Template(parts)


def _text(path: Path) -> str:
    """A file without its last line break and without the byte order mark that some editors
    write.
    """
    try:
        return path.read_text(encoding="utf-8-sig").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None

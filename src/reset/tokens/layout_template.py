"""The prompt layout that a model is trained in as the chat template of its tokenizer.

A model trained in the Alpaca layout must be prompted in it. With this template every chat server
does so: a user's message alone is the request; after a system message, that message is the
instruction and the user's message its input (passages, then the question).
"""

import json
import re
from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.core.io import write_text
from reset.tokens.chat_template import end_of_answer

CONFIG = "tokenizer_config.json"


def chat_template(with_input: str, without_input: str, bos: str, end: str) -> str:
    """A Jinja chat template of the two layouts, whose marks are {instruction} and {input}.

    `bos` stands once at the start, `end` behind every answer; both may be empty.
    """
    request = _layout(without_input, {"{instruction}": "message['content']"})
    task = _layout(
        with_input, {"{instruction}": "task.instruction", "{input}": "message['content']"}
    )
    return (
        "{%- set task = namespace(instruction='') -%}"
        f"{_text(bos)}"
        "{%- for message in messages -%}"
        "{%- if message['role'] == 'system' -%}"
        "{%- set task.instruction = message['content'] -%}"
        "{%- elif message['role'] == 'user' -%}"
        f"{{%- if task.instruction -%}}{task}{{%- else -%}}{request}{{%- endif -%}}"
        "{%- else -%}"
        f"{{{{- message['content'] -}}}}{_text(end)}"
        "{%- if not loop.last -%}{{- '\\n\\n' -}}{%- endif -%}"
        "{%- endif -%}"
        "{%- endfor -%}"
    )


def read(layouts: Path) -> tuple[str, str]:
    """The texts of with_input.txt and without_input.txt; InputError where one is missing."""
    texts = []
    for name in ("with_input.txt", "without_input.txt"):
        try:
            texts.append((layouts / name).read_text(encoding="utf-8-sig").removesuffix("\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{layouts / name}: cannot be read ({error}); params.yaml: 'data.templates' names a"
                " folder below prompts/"
            ) from None
    return texts[0], texts[1]


def write(folder: Path, with_input: str, without_input: str) -> None:
    """Give the tokenizer of a model folder the chat template of the layout (see `read`).

    The token that ends an answer stays the one that the folder's own template has
    (`end_of_answer`).
    """
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    end = end_of_answer(tokenizer)
    first = tokenizer("x", add_special_tokens=True)["input_ids"][0]
    bos = tokenizer.bos_token if first == tokenizer.bos_token_id else ""
    end_text = "" if end is None else tokenizer.convert_ids_to_tokens(end)
    (folder / "chat_template.jinja").unlink(missing_ok=True)  # it would come before the entry
    path = folder / CONFIG
    config = json.loads(path.read_text(encoding="utf-8"))
    config["chat_template"] = chat_template(with_input, without_input, bos or "", end_text)
    write_text(path, json.dumps(config, indent=2, ensure_ascii=False) + "\n")


def _layout(text: str, values: dict[str, str]) -> str:
    """The layout as Jinja: its own text as literals, each mark as the expression in `values`."""
    pieces = re.split("(" + "|".join(map(re.escape, values)) + ")", text)
    return "".join(
        f"{{{{- {values[piece]} -}}}}" if piece in values else _text(piece) for piece in pieces
    )


def _text(literal: str) -> str:
    """A Jinja expression that prints `literal`, whatever stands in it."""
    return f"{{{{- {json.dumps(literal, ensure_ascii=False)} -}}}}" if literal else ""

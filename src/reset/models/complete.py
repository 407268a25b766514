"""What later stages rely on in a model folder, put there once."""

import tempfile
from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.core.io import write_json
from reset.models.checks import ADAPTER, GENERATORS
from reset.models.files import first_line, read_json, update_json
from reset.tokens.chat_template import end_of_answer

TOKENIZER = "tokenizer_config.json"
GENERATION = "generation_config.json"
TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")


def complete(folder: Path, name: str) -> None:
    """Put into `folder` a tokenizer.json and a tokenizer_config.json, which holds the chat template
    if there is one, and for base and chat a generation_config.json of token ids alone, with the
    token that ends an answer. InputError where that is not possible.
    """
    # beside whole weights it is a leftover of training, and would make transformers load the base
    # model that it names
    (folder / ADAPTER).unlink(missing_ok=True)
    tokenizer = _complete_tokenizer(folder, name)
    if name in GENERATORS:
        _keep_tokens(folder, name)
        _add_end_of_answer(folder, name, tokenizer)


def _complete_tokenizer(folder: Path, name: str) -> Any:
    """The tokenizer, with the files by which every engine finds it."""
    from transformers import AutoConfig, AutoTokenizer

    known = {"local_files_only": True, "trust_remote_code": False}
    tried = "configuration"
    try:
        AutoConfig.from_pretrained(folder, **known)
        tried = "tokenizer"
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, **known)
        if not all((folder / file).is_file() for file in ("tokenizer.json", TOKENIZER)):
            tokenizer.save_pretrained(folder)
    except Exception as error:  # transformers raises whatever its reading of a wrong file comes to
        raise InputError(
            f"models.{name}: its {tried} cannot be loaded and saved"
            f" ({type(error).__name__}: {first_line(error)})"
        ) from None
    if not (folder / "tokenizer.json").is_file():
        raise InputError(
            f"models.{name}: its tokenizer has no tokenizer.json form; a fast tokenizer is needed"
        )
    jinja = folder / "chat_template.jinja"
    if jinja.is_file():  # the stage `template` cannot depend on a file that may be missing
        update_json(folder / TOKENIZER, chat_template=jinja.read_text(encoding="utf-8"))
        jinja.unlink()
    return tokenizer


def _add_end_of_answer(folder: Path, name: str, tokenizer: Any) -> None:
    ends = folder / GENERATION
    known = read_json(ends).get("eos_token_id", [])
    if not isinstance(known, list):
        known = [known]
    end = end_of_answer(tokenizer)
    if end is None:
        raise InputError(
            f"models.{name}: its tokenizer has no eos_token, so no answer could end; set it in"
            f" {TOKENIZER}"
        )
    if end not in known:
        update_json(ends, eos_token_id=[*known, end])


def _keep_tokens(folder: Path, name: str) -> None:
    """Write generation_config.json with the ids of tokens alone, from the one that is there or else
    from config.json: the models are evaluated by greedy answers, and a published model's sampling
    values would make a user's others (a penalty on repetition is one on quotes from the context).
    """
    given = read_json(folder / "config.json")
    given |= given.get("text_config") or {}  # of a model that takes pictures too
    if (folder / GENERATION).is_file():
        given = read_json(folder / GENERATION)
    tokens = {key: given[key] for key in TOKENS if given.get(key) is not None}
    if fault := _fault(tokens):
        raise InputError(f"models.{name}: its {GENERATION} is not valid ({fault}); correct it")
    write_json(folder / GENERATION, tokens)


def _fault(generation: dict[str, Any]) -> str | None:
    """What transformers has against saving these settings of generation, or None."""
    from transformers import GenerationConfig
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with tempfile.TemporaryDirectory() as folder:
            GenerationConfig.from_dict(generation).save_pretrained(folder)
    except Exception as error:  # of another kind for each thing that can be wrong
        return " ".join(str(error).split())[:200]
    finally:
        logging.set_verbosity(level)
    return None

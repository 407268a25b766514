"""How many tokens a model takes at once, and settings that allow for more."""

import json
from pathlib import Path

from reset.core.errors import InputError

NAMES = ("max_position_embeddings", "n_positions")


def positions(model: Path) -> int | None:
    """Tokens of prompt and answer together that the model folder was made for; None where its
    config.json has no limit.

    Some models compute on past that number without an error, and write nonsense.
    """
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    config = config.get("text_config", config)  # of a model that takes pictures too
    return next((config[name] for name in NAMES if config.get(name)), None)


def check(model: Path, setting: str, tokens: int) -> None:
    """InputError if params.yaml's `setting` allows for rows of more `tokens` than the model folder
    takes.
    """
    most = positions(model)
    if most and tokens > most:
        raise InputError(
            f"params.yaml: '{setting}' is {tokens}, but {model} has a window of {most} tokens;"
            " lower it"
        )

"""Keys kept out of every message, log and file.

A server may repeat the key that it refuses. Whatever text comes from a server, and every message of
an error, goes through `redact` before anybody sees it or writes it down.
"""

import os
import re

NAMES = re.compile(r"(^|_)(api_?key|key|token|secret|password)$", re.IGNORECASE)
SHORTEST = 8  # characters; a shorter value ("none", "EMPTY") is no secret, and may be a word
_registered: set[str] = set()


def environment_key(name: str) -> str | None:
    """The key in the environment variable `name`, or None where it is unset or blank. From now on
    `redact` knows it, whatever the variable is called.
    """
    _registered.add(name)
    return os.environ.get(name, "").strip() or None


def redact(text: str) -> str:
    """The text with `[NAME]` in place of each key of the environment: those that
    `environment_key` has read, and those of variables named as keys are (HF_TOKEN, X_API_KEY, …).
    """
    secrets = {}
    for name, value in os.environ.items():
        is_key = name in _registered or NAMES.search(name) is not None
        if is_key and len(value.strip()) >= SHORTEST:
            secrets[value.strip()] = name
    for value in sorted(secrets, key=len, reverse=True):  # one key may hold another
        text = text.replace(value, f"[{secrets[value]}]")
    return text

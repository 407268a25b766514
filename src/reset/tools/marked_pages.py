"""Pages with a part that code writes, between `<!-- name:start -->` and `<!-- name:end -->`."""

import re
from pathlib import Path

from reset.core.errors import InputError
from reset.core.io import write_text


def fill(page: str, name: str, content: str) -> None:
    """Replace what stands between the marks of a page; see `filled`."""
    write_text(page, filled(page, name, content))


def filled(page: str, name: str, content: str) -> str:
    """A page's text with `content` between the marks of `name`; InputError unless there is one such
    part.
    """
    text = Path(page).read_text(encoding="utf-8")
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    block = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    new, found = block.subn(lambda _: f"{start}\n{content}\n{end}", text)
    if found != 1:
        raise InputError(f"{page}: expected one block {start} … {end}, found {found}")
    return new

"""The tables of the documents that are computed and not typed, between two marks in each."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from reset.core.errors import InputError
from reset.tools import box_hours, one_gpu

PAGES: Mapping[str, Callable[[], str]] = {
    "docs/a100.md": box_hours.page,
    "docs/own-data.md": one_gpu.page,
}
BLOCK = re.compile(r"(<!-- forecast:start -->\n).*?(\n<!-- forecast:end -->)", re.S)


def updated(document: str) -> str:
    """A document's text with its tables made anew; InputError where it has no place for them."""
    text = Path(document).read_text(encoding="utf-8")
    tables = PAGES[document]()
    new, found = BLOCK.subn(lambda match: match[1] + "\n" + tables + "\n" + match[2], text)
    if found != 1:
        raise InputError(f"{document}: expected one block of forecast marks, found {found}")
    return new

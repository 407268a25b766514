"""The tables of the documents that are computed and not typed, between two marks in each."""

from collections.abc import Callable, Mapping

from reset.tools import box_hours, one_gpu
from reset.tools.marked_pages import filled

PAGES: Mapping[str, Callable[[], str]] = {
    "docs/a100.md": box_hours.page,
    "docs/own-data.md": one_gpu.page,
}


def updated(document: str) -> str:
    """A document's text with its tables made anew; InputError where it has no place for them."""
    return filled(document, "forecast", f"\n{PAGES[document]()}\n")

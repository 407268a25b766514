"""Pages with a part that a script writes, between `<!-- name:start -->` and `<!-- name:end -->`."""

from pathlib import Path

from reset.core.errors import InputError
from reset.core.io import write_text


def fill(page: str, name: str, content: str) -> None:
    """Replace what stands between the marks of a page; InputError where it has no such marks."""
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    text = Path(page).read_text(encoding="utf-8")
    if start not in text or end not in text:
        raise InputError(f"{page}: expected the marks {start} and {end}")
    before, after = text.split(start)[0], text.split(end)[1]
    write_text(page, f"{before}{start}\n{content}\n{end}{after}")

"""Copy a committed study's tables and sentences from report/<study>/report.md into README.md and
the study's page, between their marks. `make study` ends with it.
"""

import argparse
from pathlib import Path

from reset.core.errors import InputError, run_stage
from reset.core.io import write_text

PAGES = {"study": "docs/results.md", "real_text": "docs/real-text.md"}
SHORT = ("chat", "grounded", "mtl", "random", "reset", "reset_s")  # the runs of the README's table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", nargs="?", choices=PAGES, default="study")
    study = parser.parse_args().study
    report = Path("report") / study / "report.md"
    lines = report.read_text(encoding="utf-8").splitlines()
    headline, claims = block(lines, "| run | ", report), block(lines, "| what is stated |", report)
    sentences = [line for line in lines if line.startswith("* ") and " against " in line]
    short = [*headline[:2], *(line for line in headline if line.split()[1] in SHORT)]
    fill("README.md", study, short)
    fill(PAGES[study], study, [*headline, "", *sentences, "", *claims])


def block(lines: list[str], start: str, report: Path) -> list[str]:
    """The lines of the first table that begins with `start`."""
    first = next((i for i, line in enumerate(lines) if line.startswith(start)), None)
    if first is None:
        raise InputError(f"{report}: no table that begins with '{start}'; repeat the study")
    end = next(i for i in range(first, len(lines)) if not lines[i].startswith("|"))
    return lines[first:end]


def fill(page: str, study: str, lines: list[str]) -> None:
    """Put lines between the study's marks of a page."""
    start, end = f"<!-- {study}:start -->", f"<!-- {study}:end -->"
    text = Path(page).read_text(encoding="utf-8")
    if start not in text or end not in text:
        raise InputError(f"{page}: no place for the study ({start}, {end})")
    before, after = text.split(start)[0], text.split(end)[1]
    content = "\n".join(lines)
    write_text(page, f"{before}{start}\n{content}\n{end}{after}")


if __name__ == "__main__":
    run_stage(main)

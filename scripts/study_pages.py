"""Copy a committed study's tables and sentences from report/<study>/report.md into README.md and
the study's page, between their marks. `make study` ends with it.
"""

import argparse
from pathlib import Path

from reset.core.errors import InputError, run_stage
from reset.tools.marked_pages import fill

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
    fill("README.md", study, "\n".join(short))
    fill(PAGES[study], study, "\n".join([*headline, "", *sentences, "", *claims]))


def block(lines: list[str], start: str, report: Path) -> list[str]:
    """The lines of the first table that begins with `start`."""
    first = next((i for i, line in enumerate(lines) if line.startswith(start)), None)
    if first is None:
        raise InputError(f"{report}: no table that begins with '{start}'; repeat the study")
    end = next(i for i in range(first, len(lines)) if not lines[i].startswith("|"))
    return lines[first:end]


if __name__ == "__main__":
    run_stage(main)

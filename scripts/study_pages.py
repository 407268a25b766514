"""Copy the study's tables and sentences from report/study/report.md into README.md and
docs/results.md, between their marks. `make study` ends with it.
"""

import re
from pathlib import Path

from reset.core.errors import InputError, run_stage
from reset.core.io import write_text

REPORT = Path("report/study/report.md")
MARKS = re.compile(r"(<!-- study:start -->\n).*(<!-- study:end -->)", re.S)
SHORT = ("chat", "grounded", "mtl", "random", "reset", "reset_s")  # the runs of the README's table


def main() -> None:
    lines = REPORT.read_text(encoding="utf-8").splitlines()
    headline, claims = block(lines, "| run | IF"), block(lines, "| what is stated |")
    sentences = [line for line in lines if line.startswith("* ") and " against " in line]
    short = [*headline[:2], *(line for line in headline if line.split()[1] in SHORT)]
    fill("README.md", [*short])
    fill("docs/results.md", [*headline, "", *sentences, "", *claims])


def block(lines: list[str], start: str) -> list[str]:
    """The lines of the table that begins with `start`."""
    first = next((i for i, line in enumerate(lines) if line.startswith(start)), None)
    if first is None:
        raise InputError(f"{REPORT}: no table that begins with '{start}'; run `make study`")
    end = next(i for i in range(first, len(lines)) if not lines[i].startswith("|"))
    return lines[first:end]


def fill(page: str, lines: list[str]) -> None:
    """Put lines between the marks of a page."""
    text = Path(page).read_text(encoding="utf-8")
    if not MARKS.search(text):
        raise InputError(
            f"{page}: no place for the study (<!-- study:start -->, <!-- study:end -->)"
        )
    content = "\n".join(lines)
    write_text(page, MARKS.sub(lambda m: f"{m[1]}{content}\n{m[2]}", text))


if __name__ == "__main__":
    run_stage(main)

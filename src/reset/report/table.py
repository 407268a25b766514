"""A table as plain cells, so that the page, the Markdown and the terminal show the same numbers;
and its layout for the latter two.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """Cells as text. The first `labels` columns are words, the others numbers; `spans` groups
    columns under a head.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    spans: Sequence[tuple[str, int]] = ()
    labels: int = 1
    notes: Sequence[str] = field(default_factory=tuple)


def plain(table: Table) -> str:
    """The table for a terminal: aligned columns, numbers to the right, each span's name above its
    first column.
    """
    lines = [table.columns, *table.rows]
    widths = [max(map(_width, cells)) for cells in zip(*lines, strict=True)]
    place = 0
    for name, count in table.spans:  # a group is as wide as its name, at least
        place += count
        group = sum(widths[place - count : place]) + 2 * (count - 1)
        widths[place - 1] += max(0, _width(name) - group)
    shown = [_span_line(table.spans, widths)] if table.spans else []
    for cells in lines:
        padded = []
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            space = " " * (width - _width(cell))
            padded.append(cell + space if i < table.labels else space + cell)
        shown.append("  ".join(padded).rstrip())
    shown.insert(-len(table.rows) or len(shown), "─" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(shown) + "\n"


def markdown(table: Table) -> str:
    """The table in Markdown, with its notes as a list below."""
    names = list(table.columns)
    place = 0
    for name, count in table.spans:
        for i in range(place, place + count):
            names[i] = f"{name}: {names[i]}" if name else names[i]
        place += count
    rule = [":--" if i < table.labels else "--:" for i in range(len(names))]
    text = ""
    for line in (names, rule, *table.rows):
        cells = [cell.replace("|", "\\|") for cell in line]
        text += f"| {' | '.join(cells)} |\n"
    return text + "".join(f"\n{note}\n" for note in table.notes)


def _span_line(spans: Sequence[tuple[str, int]], widths: Sequence[int]) -> str:
    line, place = "", 0
    for name, count in spans:
        start = sum(widths[:place]) + 2 * place
        line = line.ljust(start) + name if name else line
        place += count
    return line


def _width(text: str) -> int:
    return sum(not unicodedata.combining(letter) for letter in text)

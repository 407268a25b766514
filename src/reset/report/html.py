"""One HTML page that needs nothing else: sections of tables and figures, and a browser of samples.

assets/ holds its frame, style and script.
"""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from reset.core.io import Row
from reset.report.table import Table

READINGS = ("higher", "lower", "shown", "opposite", "not shown")  # cells of their own style
FILES = Path(__file__).parent / "assets"


def document(
    title: str,
    heading: str,
    lead: str,
    sections: Sequence[tuple[str, str, str]],
    about: str,
    sources: Sequence[Row],
) -> str:
    """The page. `sections` are (anchor, title, HTML), the first one `results`; `sources` is what
    the browser of samples shows (see `sample_browser`), `about` the sentence above it.
    """
    links = [(anchor, name) for anchor, name, _ in sections] + [("samples", "Samples")]
    navigation = [f'<a href="#{anchor}">{escape(name)}</a>' for anchor, name in links]
    data = json.dumps(sources, ensure_ascii=False, separators=(",", ":"))
    return Template(_asset("page.html")).substitute(
        title=escape(title),
        heading=escape(heading),
        style=_asset("figures.css") + _asset("page.css"),
        script=_asset("page.js"),
        lead=escape(lead),
        navigation="\n".join(navigation),
        sections="\n".join(_section(*section) for section in sections),
        about=escape(about),
        data=data.replace("<", "\\u003c"),
    )


def _asset(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")


def _section(anchor: str, name: str, inner: str) -> str:
    return (
        f'<section id="{anchor}" aria-labelledby="{anchor}-title">'
        f'<h2 id="{anchor}-title">{escape(name)}</h2>\n{inner}</section>'
    )


def notes(*sentences: str) -> str:
    """One small paragraph a sentence."""
    return "".join(f'<p class="note">{escape(note)}</p>' for note in sentences)


def figure(caption: str, pictures: Sequence[str]) -> str:
    """SVGs side by side below a caption, if there is one; empty without any SVG."""
    if not pictures:
        return ""
    head = f"<figcaption>{escape(caption)}</figcaption>\n" if caption else ""
    inner = "\n".join(pictures)
    return f'<figure>{head}<div class="pictures">{inner}</div></figure>\n'


def table(given: Table) -> str:
    """One table, in a frame that scrolls sideways on narrow screens; the first column stays in
    sight.
    """
    columns = []
    for place, name in enumerate(given.columns):
        columns.append(f'<th scope="col"{_word(place < given.labels)}>{escape(name)}</th>')
    body = "".join(_row(row, given.labels) for row in given.rows)
    label = f'role="group" aria-label="{escape(given.title)}" tabindex="0"'
    return (
        f'<div class="scroll" {label}><table><thead>{_spans(given)}<tr>{"".join(columns)}</tr>'
        f"</thead>\n<tbody>{body}</tbody></table></div>\n{notes(*given.notes)}"
    )


def _spans(given: Table) -> str:
    """The row of names above the columns, each over as many columns as it spans."""
    if not given.spans:
        return ""
    cells = []
    for name, width in given.spans:
        if name:
            cells.append(f'<th colspan="{width}" scope="colgroup">{escape(name)}</th>')
        else:
            cells.append(f'<td colspan="{width}"></td>')
    return f'<tr class="spans">{"".join(cells)}</tr>'


def _row(row: Sequence[str], labels: int) -> str:
    cells = [f'<th scope="row" class="word">{escape(row[0])}</th>']
    cells += [_cell(text, place < labels) for place, text in enumerate(row[1:], 1)]
    return f"<tr>{''.join(cells)}</tr>"


def _word(is_word: bool) -> str:
    return ' class="word"' if is_word else ""


def _cell(text: str, is_word: bool) -> str:
    if text in READINGS:
        return f'<td class="reading reading-{text.replace(" ", "-")}">{text}</td>'
    mean, sign, sd = text.partition(" ± ")
    spread = f' <span class="sd">± {escape(sd)}</span>' if sign else ""
    return f"<td{_word(is_word)}>{escape(mean)}{spread}</td>"

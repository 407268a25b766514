"""One HTML page that needs nothing else: sections of tables and figures, and a browser of samples.

assets/ holds its frame, style and script.
"""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from reset.core.io import Row
from reset.report.tables import Table

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
    the browser of samples shows (see `browser`), `about` the sentence above it.
    """
    links = [(anchor, name) for anchor, name, _ in sections] + [("samples", "Samples")]
    return Template((FILES / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        heading=escape(heading),
        style=(FILES / "figures.css").read_text(encoding="utf-8")
        + (FILES / "page.css").read_text(encoding="utf-8"),
        script=(FILES / "page.js").read_text(encoding="utf-8"),
        lead=escape(lead),
        navigation="\n".join(f'<a href="#{anchor}">{escape(name)}</a>' for anchor, name in links),
        sections="\n".join(
            f'<section id="{anchor}" aria-labelledby="{anchor}-title"><h2'
            f' id="{anchor}-title">{escape(name)}</h2>\n{inner}</section>'
            for anchor, name, inner in sections
        ),
        about=escape(about),
        data=json.dumps(sources, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
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
    head = ""
    if given.spans:
        cells = [
            (
                f'<th colspan="{width}" scope="colgroup">{escape(name)}</th>'
                if name
                else f'<td colspan="{width}"></td>'
            )
            for name, width in given.spans
        ]
        head = f'<tr class="spans">{"".join(cells)}</tr>'
    columns = [
        f'<th scope="col"{_word(i < given.labels)}>{escape(name)}</th>'
        for i, name in enumerate(given.columns)
    ]
    body = []
    for row in given.rows:
        cells = [f'<th scope="row" class="word">{escape(row[0])}</th>']
        cells += [_cell(text, i < given.labels) for i, text in enumerate(row[1:], 1)]
        body.append(f"<tr>{''.join(cells)}</tr>")
    label = f'role="group" aria-label="{escape(given.title)}" tabindex="0"'
    return (
        f'<div class="scroll" {label}><table><thead>{head}<tr>{"".join(columns)}</tr></thead>\n'
        f"<tbody>{''.join(body)}</tbody></table></div>\n{notes(*given.notes)}"
    )


def _word(is_word: bool) -> str:
    return ' class="word"' if is_word else ""


def _cell(text: str, is_word: bool) -> str:
    if text in READINGS:
        return f'<td class="reading reading-{text.replace(" ", "-")}">{text}</td>'
    mean, sign, sd = text.partition(" ± ")
    spread = f' <span class="sd">± {escape(sd)}</span>' if sign else ""
    return f"<td{_word(is_word)}>{escape(mean)}{spread}</td>"

"""The report as one HTML page that needs nothing else, and as Markdown: the sections of sections.py
by two renderers.
"""

from collections.abc import Sequence
from html import escape

from reset.report import html
from reset.report.figures import Figure
from reset.report.results import Study
from reset.report.sections import Findings, Folded, Heading, Part, Section, lead, sections
from reset.report.table import Table, markdown

TITLE = "ReSet: following instructions and staying faithful"
SAMPLES = (
    "Every candidate of a prompt with its setting, its scores and their total; ★ marks the one that"
    " was selected. The evaluation shows the greedy answer of every run to one prompt. Which"
    " prompts are shown was drawn evenly over the data sets."
)
RUN = (
    "Seconds, cost, versions and the git revision differ between runs with the same results, so"
    " this file leaves them out: make show writes report/this_run.html, the same page with them."
)
RUN_START, RUN_END = "<!-- run:start -->", "<!-- run:end -->"


def page(study: Study, drawn: Sequence[Figure]) -> str:
    """The HTML page with style, script, figures (of `sections.draw`) and samples inside."""
    rendered = []
    for section in sections(study, drawn):
        inner = "".join(_html(part) for part in section.parts)
        rendered.append((section.anchor, section.title, inner))
    rendered.append(("run", "Cost and time", f"{RUN_START}{html.notes(RUN)}{RUN_END}"))
    return html.document("ReSet: results", TITLE, lead(study), rendered, SAMPLES, study.sources)


def _html(part: Part) -> str:
    if isinstance(part, str):
        return html.notes(part)
    if isinstance(part, Heading):
        return f"<h3>{escape(part.text)}</h3>"
    if isinstance(part, Findings):
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in part.sentences)
        return f'<ul class="findings">{items}</ul>'
    if isinstance(part, Folded):
        inner = f"<summary>{escape(part.summary)}</summary>{html.table(part.table)}"
        return f'<details class="more">{inner}</details>'
    if isinstance(part, Table):
        return html.table(part)
    return html.figure(part.title, part.pictures())


def with_run(page: str, parts: Sequence[Table], mark: str | None) -> str:
    """The page with `parts` (revision, versions, seconds, cost) where it says that they are left
    out, and with `mark` above the results.

    They differ from run to run, and the page that DVC hashes must not.
    """
    before, rest = page.split(RUN_START)
    _, after = rest.split(RUN_END)
    if mark:
        before = before.replace("<main>", f'<main><p class="mark">{escape(mark)}</p>', 1)
    inner = "".join(f"<h3>{escape(part.title)}</h3>{html.table(part)}" for part in parts)
    return before + inner + after


def text(study: Study, drawn: Sequence[Figure]) -> str:
    """The report in Markdown, for the terminal and the repository's pages; figures are the files in
    report/plots.
    """
    blocks = [f"# {TITLE}", lead(study)]
    for section in sections(study, drawn):
        blocks += _markdown(section)
    return "\n\n".join(block.rstrip("\n") for block in blocks if block) + "\n"


def _markdown(section: Section) -> list[str]:
    blocks = [f"## {section.title}"]
    for part in section.parts:
        if isinstance(part, str):
            blocks.append(part)
        elif isinstance(part, Heading):
            blocks.append(f"### {part.text}")
        elif isinstance(part, Findings):
            blocks.append("\n".join(f"* {sentence}" for sentence in part.sentences))
        elif isinstance(part, Folded):
            blocks += [f"### {part.summary}", markdown(part.table)]
        elif isinstance(part, Table):
            blocks.append(markdown(part))
        elif part.rows:
            blocks.append(f"![{part.title}](plots/{part.name}.svg)")
    return blocks

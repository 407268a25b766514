"""Charts as SVG: the Vega-Lite specifications of assets/plots, which `dvc plots` reads too, filled
in as DVC fills them in and drawn by vl-convert.

A plot is what dvc.yaml declares below `plots`: title, template, x, y, x_label and y_label. Colours
are those of the light theme, written as attributes; assets/figures.css exchanges them for a reader
who prefers dark.
"""

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from reset.core.io import Row
from reset.report.numbers import significant

ASSETS = Path(__file__).parent / "assets"
VEGA_LITE = "5.21"  # the major version that DVC's pages load
INK, SOFT, RULE = "#1f2328", "#57606a", "#d8dee4"
SERIES = ["#0b62c4", "#b35900", "#137a3d", "#8a3ffc", "#7a828b"]
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"  # vl-convert brings the first
DESCRIBED = 40  # rows: a longer list is no description, and the table is a file of its own
CONFIG = {
    "background": None,
    "font": FONT,
    "view": {"stroke": None},
    "title": {"color": INK, "fontSize": 13, "anchor": "start", "offset": 8},
    "axis": {
        "labelColor": SOFT,
        "titleColor": INK,
        "titleFontWeight": "normal",
        "titleFontSize": 12,
        "labelFontSize": 12,
        "domainColor": SOFT,
        "tickColor": SOFT,
        "gridColor": RULE,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "symbolStrokeWidth": 2,
        "orient": "top",
        "columns": 3,
        "labelLimit": 220,
    },
    "header": {"labelColor": INK, "labelFontSize": 13, "labelFontWeight": "bold"},
    "text": {"color": INK, "fontSize": 12},
    "line": {"strokeWidth": 1.8},
    "range": {"category": SERIES},
}
# what vl-convert writes and a still image with a name of its own does not need
_EMPTY = re.compile(r'<path class="(?:background|foreground)"[^>]*/>')
_TAG = re.compile(r"<[^>]+>")
_NOT_NEEDED = re.compile(
    r' (?:aria-[a-z]+|class|role|pointer-events|font-family|stroke-miterlimit)="[^"]*"'
    r'| (?:opacity|stroke-width)="1"| font-size="12px"| transform="translate\(0,0\)"'
)
_LONG = re.compile(r"\d+\.\d{3,}")


def fill(plot: Mapping[str, Any], rows: Sequence[Row]) -> Row:
    """The Vega-Lite specification of a plot with `rows` as its data. Where no row has a `rev`, the
    channels that part revisions are left out.
    """
    text = (ASSETS / f"plots/{plot['template']}.json").read_text(encoding="utf-8")
    (y,) = plot["y"].values()
    values = {
        "TITLE": plot["title"],
        "X": plot["x"],
        "Y": y,
        "X_LABEL": plot.get("x_label", plot["x"]),
        "Y_LABEL": plot.get("y_label", y),
    }
    for anchor, value in values.items():
        text = text.replace(f"<DVC_METRIC_{anchor}>", json.dumps(value)[1:-1])
    spec = json.loads(text)
    spec["data"] = {"values": list(rows)}
    if any("rev" in row for row in rows):
        return spec
    return _without_revisions(spec)


def panels(spec: Row) -> list[tuple[str, Row]]:
    """A specification for each panel with its name, in the order of the data; one without a facet
    is its own only panel, without a name. The title of the whole is left out.
    """
    rows = spec["data"]["values"]
    if "facet" not in spec:
        only = {key: part for key, part in spec.items() if key != "title"}
        return [("", only)] if rows else []
    by_panel: dict[str, list[Row]] = {}
    for row in rows:
        by_panel.setdefault(row["panel"], []).append(row)
    shared: Row = {key: spec[key] for key in ("$schema", "transform") if key in spec}
    return [
        (panel, {**shared, **spec["spec"], "title": panel, "data": {"values": kept}})
        for panel, kept in by_panel.items()
    ]


def svg(spec: Row, title: str) -> str:
    """The chart as one `<svg>` element with a title and a description for readers who do not see
    it. The same specification gives the same bytes.
    """
    import vl_convert  # starts a JavaScript engine at the first chart: 0.4 s

    drawn = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, config=CONFIG)
    opening, rest = drawn.split(">", 1)
    size = opening[opening.index("width=") :]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="figure" role="img" font-size="12"'
        f' font-family="{FONT}" {size}>'
        f"<title>{escape(title)}</title><desc>{escape(describe(spec))}</desc>"
        f"{_TAG.sub(_shorter, _EMPTY.sub('', rest))}"
    )


def standalone(drawn: str) -> str:
    """A chart as a file of its own, with the dark theme inside."""
    style = (ASSETS / "figures.css").read_text(encoding="utf-8")
    head, rest = drawn.split(">", 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}><style>{style}</style>{rest}\n'


def describe(spec: Row) -> str:
    """The data in words, a row after the other; empty for more than DESCRIBED rows."""
    rows = spec["data"]["values"]
    if len(rows) > DESCRIBED:
        return ""
    return "; ".join(map(_row_in_words, rows)) + "."


def _shorter(tag: re.Match[str]) -> str:
    """A tag without what is not needed, its numbers to a hundredth of a pixel."""
    needed = _NOT_NEEDED.sub("", tag[0])
    return _LONG.sub(lambda number: f"{round(float(number[0]), 2):g}", needed)


def _row_in_words(row: Row) -> str:
    hidden = ("role", "panel")
    values = [(key, value) for key, value in row.items() if value is not None]
    shown = [
        f"{key} {significant(value, 3)}" if isinstance(value, float) else str(value)
        for key, value in values
        if key not in hidden and not key.startswith(("label_", "start_"))
    ]
    return ", ".join(shown)


def _without_revisions(spec: Any) -> Any:
    """The specification without the channels that read the field `rev`."""
    if isinstance(spec, list):
        return [_without_revisions(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    kept = {}
    for key, part in spec.items():
        if key == "data":
            kept[key] = part
        elif not (isinstance(part, dict) and part.get("field") == "rev"):
            kept[key] = _without_revisions(part)
    return kept

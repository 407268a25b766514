"""WikiSum: wikiHow articles with coherent summaries (Cohen et al. 2021, CC BY-NC-SA 3.0); evaluation only.

The paper cites Liu et al. 2018, whose WikiSum has no maintained copy; the hub's card of this set linked that paper by
mistake at the time, so this is most likely the set that was used.
"""

from reset import filters
from reset.published.entry import Entry, Shape, context_record
from reset.records import Row


def record(row: Row) -> Row:
    return context_record(row.get("url") or None, "", [row["article"]], [row["summary"]])


ENTRY = Entry(
    name="wikisum",
    task="summarization",
    shapes=(Shape({"article": str, "summary": str}, record),),
    filters=filters.SUMMARIZATION,
)

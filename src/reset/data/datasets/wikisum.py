"""WikiSum: wikiHow articles with coherent summaries (Cohen et al. 2021, CC BY-NC-SA 3.0);
evaluation only.

The paper cites Liu et al. 2018, whose WikiSum has no maintained copy: this set in its place is our
assumption.
"""

from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, RowFormat, context_record
from reset.data.records import filters


def record(row: Row) -> Row:
    return context_record(row.get("url") or None, "", [row["article"]], [row["summary"]])


ENTRY = DatasetSpec(
    name="wikisum",
    task="summarization",
    shapes=(RowFormat({"article": str, "summary": str}, record),),
    filters=filters.SUMMARIZATION,
)

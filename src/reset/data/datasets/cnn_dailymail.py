"""CNN/DailyMail 3.0.0: news articles with their bullet points (text under the publishers'
copyright).
"""

from reset.core.io import Row
from reset.data.datasets.spec import DatasetSpec, RowFormat, context_record
from reset.data.records import filters


def record(row: Row) -> Row:
    """The bullet points become one line of sentences: each ends in " ." as published, and here in
    ".".
    """
    summary = " ".join(row["highlights"].split()).replace(" . ", ". ")
    if summary.endswith(" ."):
        summary = summary.removesuffix(" .") + "."
    return context_record(row["id"], "", [row["article"]], [summary])


ENTRY = DatasetSpec(
    name="cnn_dailymail",
    task="summarization",
    shapes=(RowFormat({"id": str, "article": str, "highlights": str}, record),),
    filters=filters.SUMMARIZATION,
)

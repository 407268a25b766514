"""CNN/DailyMail 3.0.0: news articles with their bullet points (text under the publishers' copyright)."""

from reset import filters
from reset.published.entry import Entry, Shape, context_record
from reset.records import Row


def record(row: Row) -> Row:
    """The bullet points become one line of sentences: each ends in " ." as published, and here in "."."""
    summary = " ".join(row["highlights"].split()).replace(" . ", ". ")
    if summary.endswith(" ."):
        summary = summary.removesuffix(" .") + "."
    return context_record(row["id"], "", [row["article"]], [summary])


ENTRY = Entry(
    name="cnn_dailymail",
    task="summarization",
    shapes=(Shape({"id": str, "article": str, "highlights": str}, record),),
    filters=filters.SUMMARIZATION,
)

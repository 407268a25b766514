"""Natural Questions: questions to a search engine, answered by a span of Wikipedia (CC BY-SA 3.0)."""

from reset import filters
from reset.published import mrqa
from reset.published.entry import Entry, Shape, context_record
from reset.records import Row


def record(row: Row) -> Row:
    """A question with its retrieved passages, as DPR and Fusion-in-Decoder ship them."""
    passages = [mrqa.titled(passage["text"], passage["title"]) for passage in row["ctxs"]]
    return context_record(None, row["question"], passages, row["answers"])


ENTRY = Entry(
    name="nq",
    task="extractive_qa",
    shapes=(
        Shape({"question": str, "answers": [str], "ctxs": [{"title": (str, None), "text": str}]}, record),
        Shape(mrqa.COLUMNS, mrqa.record),
    ),
    filters=filters.EXTRACTIVE_QA,
    passages="gathered",
)

"""Natural Questions: questions to a search engine, answered by a span of Wikipedia (CC BY-SA 3.0)."""

from reset.core.io import Row
from reset.data.datasets import mrqa
from reset.data.datasets.spec import DatasetSpec, RowFormat, context_record
from reset.data.records import filters


def record(row: Row) -> Row:
    """A question with its retrieved passages, as DPR and Fusion-in-Decoder ship them."""
    passages = [mrqa.titled(passage["text"], passage["title"]) for passage in row["ctxs"]]
    return context_record(None, row["question"], passages, row["answers"])


ENTRY = DatasetSpec(
    name="nq",
    task="extractive_qa",
    shapes=(
        RowFormat(
            {"question": str, "answers": [str], "ctxs": [{"title": (str, None), "text": str}]},
            record,
        ),
        RowFormat(mrqa.COLUMNS, mrqa.record),
    ),
    filters=filters.EXTRACTIVE_QA,
    passages="gathered",
)

"""The layout in which retrievers write questions with ranked passages: DPR, Fusion-in-Decoder, and
the scripts of the RobustQA benchmark, which the paper takes NQ, BioASQ and SearchQA from.
"""

from reset.core.io import Row
from reset.data.datasets import mrqa
from reset.data.datasets.spec import RowFormat, context_record


def record(row: Row) -> Row:
    """A question with its passages in the retriever's order, each with its title in front."""
    passages = [mrqa.titled(passage["text"], passage["title"]) for passage in row["ctxs"]]
    return context_record(None, row["question"], passages, row["answers"])


FORMAT = RowFormat(
    {"question": str, "answers": [str], "ctxs": [{"title": (str, None), "text": str}]}, record
)

"""Natural Questions: questions to a search engine, answered by a span of Wikipedia (CC BY-SA)."""

from reset.data.datasets import mrqa, retrieved
from reset.data.datasets.spec import DatasetSpec, RowFormat
from reset.data.records import filters

ENTRY = DatasetSpec(
    name="nq",
    task="extractive_qa",
    shapes=(retrieved.FORMAT, RowFormat(mrqa.COLUMNS, mrqa.record)),
    filters=filters.EXTRACTIVE_QA,
    passages="gathered",
)

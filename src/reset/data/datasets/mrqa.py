"""The shape in which MRQA publishes NQ, BioASQ and SearchQA: one flat context a row."""

import re

from reset.core.io import Row
from reset.data.datasets.spec import context_record

COLUMNS = {"context": str, "question": str, "answers": [str]}
# NQ's paragraph and table marks, as </P> and <Th_colspan="2">
TAGS = re.compile(r"</?(?:P|Table|Tr|Td|Th|Ul|Ol|Li|Dl|Dd|Dt|H[1-6])(?:[_ ][a-z]+=[^<>]*)?>")


def record(row: Row) -> Row:
    native = row.get("qid") or row.get("key")
    return context_record(native, row["question"], passages(row["context"]), row["answers"])


def passages(context: str) -> list[str]:
    """The passages of a flat context: parted by [DOC], each `[TLE] title [PAR] text`; otherwise it
    is one passage.
    """
    texts = []
    for document in context.split("[DOC]") if "[DOC]" in context else [context]:
        title, mark, text = document.replace("[TLE]", " ").partition("[PAR]")
        parts = [title, text.replace("[PAR]", " ")] if mark else [title]
        texts.append(titled(*(" ".join(TAGS.sub(" ", part).split()) for part in reversed(parts))))
    return texts


def titled(text: str, title: str | None = None) -> str:
    """A passage on one line, its title in front."""
    return ": ".join(" ".join(part.split()) for part in (title, text) if part and part.strip())

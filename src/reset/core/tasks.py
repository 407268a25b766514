"""The four tasks, the two abilities that they train, and the names of the three judges."""

from reset.core.io import Row

INSTRUCTION_TASKS = ("instruction",)
CONTEXT_TASKS = ("extractive_qa", "abstractive_qa", "summarization")
TASKS = (*INSTRUCTION_TASKS, *CONTEXT_TASKS)
FAMILIES = ("context", "instruction")
JUDGES = ("instruction", "faithfulness", "task")


def group(row: Row) -> str:
    """The data set that a row counts for: all instruction rows count as one, our reading of the
    paper's four data sets, from each of which ReSet samples.
    """
    return "instruction" if row["task"] == "instruction" else row["dataset"]


def family(task: str) -> str:
    """`instruction` for open-ended requests, `context` for the tasks that must answer from a given
    text.
    """
    return "instruction" if task == "instruction" else "context"

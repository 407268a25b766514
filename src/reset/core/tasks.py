"""The four tasks, the two abilities that they train, and the names of the three judges."""

from collections.abc import Mapping, Sequence

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


def judges_of(task: str) -> tuple[str, ...]:
    """The judges that score an answer of a task."""
    return ("instruction",) if task == "instruction" else ("faithfulness", "task")


def predicted(runs: Mapping[str, Sequence[str]], seeds: Sequence[int]) -> list[str]:
    """The names of the predictions that `runs` of params.yaml asks for: a start model's own, and
    <run>_<seed> of the others.
    """
    trained = [f"{run}_{seed}" for run in runs["evaluated"] for seed in seeds]
    return [*runs["start_models"], *trained]

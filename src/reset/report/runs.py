"""The runs of the study: what each starts from and is trained on, in the order in which tables list
them.
"""

from collections.abc import Iterable

from reset.core.io import Row

LEGEND = {
    "base": "the pre-trained model as it is",
    "chat": "the instruction-tuned model as it is",
    "stage1": "base, fine-tuned on context-dependent (CD) data: CD→IF, first stage",
    "stage2": "stage1, fine-tuned on instruction (IF) data: CD→IF, second stage",
    "grounded": "chat, fine-tuned on CD data: IF→CD",
    "mtl": "chat, fine-tuned on the mix of CD and IF data: the multi-task baseline",
    "direct": "chat, trained on the ReSet set of mtl, without the multi-task step",
    "reset": "mtl, trained on the best of its own samples of each prompt: the method",
    "reset_s": "mtl, trained like reset on fewer prompts with more samples each",
    "random": "mtl, same prompts as reset, a random sample of each instead of the best",
    "control": "mtl, same prompts as reset, their original references",
}
START = {
    "stage1": "base",
    "stage2": "stage1",
    "grounded": "chat",
    "mtl": "chat",
    "direct": "chat",
    "reset": "mtl",
    "reset_s": "mtl",
    "random": "mtl",
    "control": "mtl",
}
START_MODELS = ("base", "chat")  # predicted and judged once, whatever the seeds
# run: its start, the model of the lowest evaluation loss, the model after the last step
CHECKPOINTS = {
    "stage1": {"start": "base", "best": "stage1", "end": "stage1_end"},
    "stage2": {"start": "stage1", "best": "stage2", "end": "stage2_end"},
    "grounded": {"start": "chat", "best": "grounded", "end": "grounded_end"},
}
# no runs of their own: the checkpoint figures alone
ENDS = tuple(models["end"] for models in CHECKPOINTS.values())
KINDS = {  # of the sets of a task: the family, and how the paper groups context-dependent data
    "extractive_qa": ("context", "extractive"),
    "abstractive_qa": ("context", "abstractive"),
    "summarization": ("context", "abstractive"),
    "instruction": ("instruction",),
}
COMPARISONS = (  # run, other, the abilities compared
    ("stage2", "stage1", ("instruction", "faithfulness")),
    ("grounded", "chat", ("instruction", "faithfulness")),
    ("mtl", "grounded", ("instruction", "faithfulness")),
    ("reset", "direct", ("instruction", "faithfulness", "task")),
    ("reset", "mtl", ("instruction", "faithfulness", "task")),
    ("reset", "control", ("instruction", "faithfulness", "task")),
    ("reset", "random", ("instruction", "faithfulness", "task")),
    ("reset_s", "reset", ("instruction", "faithfulness", "task")),
)


def ordered(names: Iterable[str]) -> list[str]:
    """Each name once: those of the study in its order, then any others by the alphabet."""
    places = list(LEGEND)
    return sorted(
        set(names), key=lambda name: (places.index(name) if name in places else len(places), name)
    )


def behind(names: Iterable[str]) -> set[str]:
    """The trained runs among `names`, and those that they start from; an end checkpoint is one of
    its run.
    """
    found = set()
    for name in names:
        run = name.removesuffix("_end")
        while run in START:
            found.add(run)
            run = START[run]
    return found


def without_ends(rows: Iterable[Row]) -> list[Row]:
    """The rows (of `metrics.read`, say) whose run is one of the study's, and no end checkpoint of
    one.
    """
    return [row for row in rows if row["run"] not in ENDS]

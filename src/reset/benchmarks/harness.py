"""lm-evaluation-harness on a model folder: its tasks and prompts, its metrics as flat numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.core.params import Count
from reset.tokens.chat_template import TEMPLATE_OPTIONS

NUMBERS = (int, float)
BATCH_SIZES: dict[str, str | int] = {"cuda": "auto", "cpu": 1}  # auto: what fits


@dataclass(frozen=True)
class BenchmarkSettings:
    """`evaluation.benchmarks`. `tasks`: names of lm-evaluation-harness; `limit`: rows a task, null
    for all; `include`: a folder with YAML files of more tasks, null for none.
    """

    tasks: list[str]
    limit: Count | None
    include: str | None

    def __post_init__(self) -> None:
        if self.include is not None and not Path(self.include).is_dir():
            raise InputError(
                f"params.yaml: 'evaluation.benchmarks.include': no folder {self.include}"
            )


def evaluate(folder: Path, settings: BenchmarkSettings) -> dict[str, float]:
    """The numbers that the tasks give the model in `folder`: "<task>.<metric>", and "<task>.n" for
    the rows.

    Prompts go through the tokenizer's chat template where it has one, which is the layout that the
    model was trained in. InputError where the package is missing or does not know a task.
    """
    lm_eval = _package()
    import torch
    from lm_eval.tasks import TaskManager
    from transformers import AutoTokenizer

    manager = TaskManager(include_path=settings.include)
    _check_tasks(settings, manager)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    found = lm_eval.simple_evaluate(
        model="hf",
        # null would leave thinking to the template, which may turn it on
        model_args={"pretrained": str(folder), "dtype": "auto", **TEMPLATE_OPTIONS},
        tasks=settings.tasks,
        device=device,
        batch_size=BATCH_SIZES[device],
        limit=settings.limit,
        log_samples=False,
        apply_chat_template=bool(tokenizer.chat_template),
        task_manager=manager,
    )
    return flat(found["results"], found["n-samples"])


def flat(results: Mapping[str, Any], rows: Mapping[str, Any]) -> dict[str, float]:
    """The harness' `results` ("<metric>,<filter>" by task) and its counts of rows as one mapping.

    Standard errors are left out, and so is a filter of the name none.
    """
    numbers: dict[str, float] = {}
    for task, values in sorted(results.items()):
        for key, value in sorted(values.items()):
            metric, _, chosen = key.partition(",")
            if metric.endswith("_stderr") or not chosen or not isinstance(value, NUMBERS):
                continue
            name = metric if chosen == "none" else f"{metric}.{chosen}"
            numbers[f"{task}.{name}"] = round(float(value), 6)
        if task in rows:
            numbers[f"{task}.n"] = rows[task]["effective"]
    return numbers


def _check_tasks(settings: BenchmarkSettings, manager: Any) -> None:
    for task in settings.tasks:
        if not manager.match_tasks([task]):
            raise InputError(
                f"params.yaml: 'evaluation.benchmarks.tasks': '{task}' is no task of"
                " lm-evaluation-harness; `lm-eval ls tasks` lists them"
            )


def _package() -> Any:
    try:
        import lm_eval
    except ImportError:
        raise InputError(
            "runs.benchmarked of params.yaml needs lm-evaluation-harness; pip install --constraint"
            " constraints.txt --editable '.[benchmarks]'"
        ) from None
    return lm_eval

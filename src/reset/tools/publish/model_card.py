"""The card of a published model: where it comes from, how it is prompted, what it is worth, and
what is known of its terms; the same for readers and, as metadata, for the hub.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reset.core import tasks
from reset.core.io import Row
from reset.data.prompts import templates
from reset.evaluation import metrics
from reset.report import numbers
from reset.report.table import Table, markdown
from reset.tokens.chat_template import TEMPLATE_OPTIONS
from reset.tools.publish import training_data
from reset.tools.publish.lockfile import Lock

LAYOUTS = {
    "alpaca": (
        "Trained in the Alpaca layout, which is the chat template of the tokenizer. A request alone"
        " is the user's message. A question about passages is a system message with the"
        " instruction, and a user's message with the passages and the question, a line each."
    ),
    "chat": (
        "Trained in the chat template of the tokenizer, without a system message. A request alone"
        " is the user's message. A question about passages is one message too: the instruction, an"
        " empty line, then the passages and the question, a line each."
    ),
}
USAGE = """```python
from transformers import AutoModelForCausalLM, AutoTokenizer

name = {repo}
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForCausalLM.from_pretrained(name, dtype="auto")

passages = ["Ada lives in Rome.", "Rome lies in Italy."]
question = "Where does Ada live?"
instruction = {instruction}
{messages}
inputs = tokenizer.apply_chat_template(
    messages, add_generation_prompt=True, {options}return_tensors="pt", return_dict=True
)
ids = model.generate(**inputs, max_new_tokens=256, do_sample=False)
print(tokenizer.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
```"""
MESSAGES = {
    "alpaca": """messages = [
    {"role": "system", "content": instruction},
    {"role": "user", "content": "\\n".join([*passages, question])},
]""",
    "chat": """request = instruction + "\\n\\n" + "\\n".join([*passages, question])
messages = [{"role": "user", "content": request}]""",
}
ABILITIES = {  # values in the metadata are from 0 to 1, also that of instruction following
    "instruction": "Instruction following",
    "faithfulness": "Faithfulness",
    "task": "Task performance",
}
OPTIONS = {
    "alpaca": "",
    "chat": "".join(f"{name}={value}, " for name, value in TEMPLATE_OPTIONS.items()),
}


def card(name: str, repo: str, lock: Lock, revision: str) -> str:
    """The README.md of models/<name> as it goes to `repo`: that of the folder, with the hub's
    metadata, and parts on use, origin and evaluation behind it.
    """
    from huggingface_hub import ModelCard

    folder = Path("models") / name
    readme = folder / "README.md"
    given = f"---\n---\n# {name}\n"
    found = ModelCard(readme.read_text(encoding="utf-8") if readme.is_file() else given)
    start, source = lock.origin(str(folder))
    licence, known = _licence(Path(start), source)
    trained_on = training_data.training_sets(lock, str(folder))
    scores = metrics.read(f"metrics/runs/{name}.csv")
    scores = [row for row in scores if row["metric"] in tasks.JUDGES]

    found.data["library_name"] = "transformers"
    found.data["pipeline_tag"] = "text-generation"
    found.data["tags"] = ["reset"]
    found.data["license"] = licence
    found.data["base_model"] = source["id"] if source["source"] == "hub" else None
    found.data["datasets"] = training_data.hub_ids(trained_on) or None
    found.data["model_name"] = name
    found.data["eval_results"] = eval_results(scores, lock) or None

    named = [str(source[key]) for key in ("source", "id", "revision") if source[key]]
    where = "made in the demo world" if source["source"] == "toy" else " ".join(named)
    facts = {
        "git revision": f"`{revision}`",
        f"{folder} in dvc.lock": f"md5 `{lock.md5(str(folder))}`",
        "start": f"{start} ({where})",
        "licence": known,
        "training data": training_data.sentence(trained_on),
    }
    parts = [
        str(found).rstrip("\n"),
        "## Use",
        usage(repo, lock.params(start)),
        "## Origin",
        markdown(Table("Origin", ["what", "value"], list(facts.items()), labels=2)),
        "## Evaluation",
        _evaluation(scores),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def usage(repo: str, settings: Any) -> str:
    """The layout that the model was trained in, and code that prompts it so.

    `settings` are those of the stage that made the start model: its `template.style` and
    `data.templates`.
    """
    style = settings["template.style"]
    instruction = templates.load(settings["data.templates"]).instructions["abstractive_qa"]
    code = USAGE.format(
        repo=json.dumps(repo),
        instruction=json.dumps(instruction, ensure_ascii=False),
        messages=MESSAGES[style],
        options=OPTIONS[style],
    )
    return f"{LAYOUTS[style]}\n\n{code}"


def eval_results(scores: Sequence[Row], lock: Lock) -> list[Any]:
    """The scores as the hub's metadata: one EvalResult a data set and ability that has a value.

    A data set of the hub goes by its address there, another by its name in params.yaml.
    """
    from huggingface_hub import EvalResult

    found = []
    for row in scores:
        if row["value"] is None:
            continue
        address = training_data.hub_id(lock, row["dataset"]) or row["dataset"]
        found.append(
            EvalResult(
                task_type="text-generation",
                dataset_type=address,
                dataset_name=row["dataset"],
                metric_type=row["measure"],
                metric_name=ABILITIES[row["metric"]],
                metric_value=row["value"],
            )
        )
    return found


def _licence(start: Path, source: Any) -> tuple[str | None, str]:
    """The licence's name for the card's head, None if unknown, and the sentence that says where it
    is from.
    """
    from huggingface_hub import ModelCard

    if source["source"] == "toy":
        return "apache-2.0", "that of the code: weights and text come from its demo world"
    terms = "the terms of its training data bind too: see the README of the code"
    readme = start / "README.md"
    content = readme.read_text(encoding="utf-8") if readme.is_file() else "---\n---\n"
    named = ModelCard(content, ignore_metadata_errors=True).data.get("license")
    if not named:
        return None, f"not known here: ask {start}'s; {terms}"
    return named, f"{named}, by the card of {start}; {terms}"


def _evaluation(scores: Sequence[Row]) -> str:
    """The scores as a table of data sets."""
    cells = []
    for row in scores:
        seen = "yes" if row["seen"] else "no"
        value = numbers.show(row["metric"], row["value"])
        ability = numbers.NAMES[row["metric"]]
        cells.append([row["dataset"], seen, ability, row["measure"], value, str(row["n"])])
    columns = ["data set", "also trained on", "ability", "measure", "value", "answers"]
    return markdown(Table("Evaluation", columns, cells, labels=4))

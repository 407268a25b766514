"""The candidates and winners of a pool as a data set of the hub: Parquet files and a card."""

import io
from itertools import chain
from pathlib import Path
from typing import Any

from reset.core.io import read
from reset.report.table import Table, markdown
from reset.tools.publish import training_data
from reset.tools.publish.lockfile import Lock

WINNERS = ("train", "dev")
FILES = {
    "candidates": {"train": "candidates/train.parquet"},
    "winners": {split: f"winners/{split}.parquet" for split in WINNERS},
}
ABOUT = """Answers that a model gave to training prompts at several decoding settings, scored by
three judges, and the answer that was selected of each prompt.

* `candidates`: a row a prompt. `candidates` holds its answers, each with its `setting`, the scores
  `s_task`, `s_faithfulness` and `s_instruction` (0 to 1; null: not scored), `s_constraints` where
  prompts ask for a form that code checks, their weighted `score`, and `winner`.
* `winners`: a row a prompt with a selected answer (`target`), split as the next training step uses
  it: `train`, and `dev` to choose the checkpoint.

Prompts quote the data sets below, whose terms bind this one."""


def candidates(name: str) -> Path:
    """The file of all answers of the pool `name` (<pool>_<seed>)."""
    return Path(f"data/candidates/{name}.jsonl")


def winners(name: str) -> Path:
    """The folder of the selected answers of the pool `name`."""
    return Path(f"data/ranked/{name}")


def arrow_tables(name: str) -> dict[str, Any]:
    """The Arrow tables of the pool, by their file's name in the repository.

    The two files of winners share one schema, also where a column is null in all rows of one.
    """
    import pyarrow

    splits = {split: read(winners(name) / f"{split}.jsonl") for split in WINNERS}
    rows_of_both = list(chain.from_iterable(splits.values()))
    # pyarrow takes its columns from the first row; s_constraints may first come in a later one
    columns = dict.fromkeys(chain.from_iterable(rows_of_both))
    both = pyarrow.Table.from_pylist([dict.fromkeys(columns) | row for row in rows_of_both])
    found = {FILES["candidates"]["train"]: pyarrow.Table.from_pylist(read(candidates(name)))}
    start = 0
    for split, rows in splits.items():
        found[FILES["winners"][split]] = both.slice(start, len(rows))
        start += len(rows)
    return found


def parquet_files(name: str) -> dict[str, bytes]:
    """The Parquet files of the pool, by their name in the repository."""
    from pyarrow import parquet

    found = {}
    for file, table in arrow_tables(name).items():
        buffer = io.BytesIO()
        parquet.write_table(table, buffer)
        found[file] = buffer.getvalue()
    return found


def card(name: str, repo: str, lock: Lock, revision: str) -> str:
    """The README.md of the data set: the hub's metadata, what the rows are, and their origin."""
    from huggingface_hub import DatasetCard, DatasetCardData

    configs = []
    for config, files in FILES.items():
        splits = [{"split": split, "path": path} for split, path in files.items()]
        configs.append({"config_name": config, "data_files": splits})
    sets = training_data.training_sets(lock, str(candidates(name)))
    head = DatasetCardData(
        configs=configs, tags=["reset"], source_datasets=training_data.hub_ids(sets) or None
    )
    facts = {
        "git revision": f"`{revision}`",
        f"{candidates(name)} in dvc.lock": f"md5 `{lock.md5(str(candidates(name)))}`",
        f"{winners(name)} in dvc.lock": f"md5 `{lock.md5(str(winners(name)))}`",
        "prompts of": training_data.sentence(sets),
    }
    code = f'```python\nload_dataset("{repo}", "winners", split="train")\n```'
    origin = Table("Origin", ["what", "value"], list(facts.items()), labels=2)
    parts = [f"# {name}", ABOUT, code, "## Origin", markdown(origin).rstrip("\n")]
    return str(DatasetCard(f"---\n{head}\n---\n" + "\n\n".join(parts) + "\n"))

"""Filter and template on many rows: this project's blocks of lines against `datasets` (filter and
map, two processes).

Both sides get the same made-up MS MARCO file, the same two cores and the same functions for one
row: mapping, filters, rendering, token counts, trimming. They differ in how rows are read, passed
to two processes and written. Their prompts are compared; a difference is an error. Memory is the
peak of all processes of a side together, counting each page once and leaving out mapped files
(proportional anonymous memory, sampled five times a second).

Run: `python benchmarks/data.py [--quick] [--rows N]`. The full million rows take about 12 GB of
disk in TMPDIR.
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from reset.core import io  # noqa: E402
from reset.core.io import Row  # noqa: E402
from reset.data.datasets import registry  # noqa: E402
from reset.data.prompts import render_prompts, templates  # noqa: E402
from reset.data.prompts.render_prompts import PromptSettings  # noqa: E402
from reset.data.prompts.truncation import TokenCounter  # noqa: E402
from reset.data.records import build_records  # noqa: E402
from reset.data.sources.dataset_config import DataSet  # noqa: E402

PROCESSES = 2
MAX_TOKENS = 400  # one row in twenty is longer and is trimmed
ANSWER_TOKENS = 40  # the room that a prompt leaves at least
SETTINGS = PromptSettings("paper", "trim_context", MAX_TOKENS, 0.0, ANSWER_TOKENS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="40,000 rows instead of 1,000,000")
    parser.add_argument("--rows", type=int, help="any number of rows")
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        os.sched_setaffinity(
            0, sorted(os.sched_getaffinity(0))[:PROCESSES]
        )  # also what this project goes by
        {"ours": ours, "theirs": theirs}[given.side[0]](Path(given.side[1]))
        return
    rows = given.rows or (40_000 if given.quick else 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        io.write(Path(folder) / "raw.jsonl", made_up(rows))
        save_tokenizer(Path(folder))
        results = {side: measured(side, Path(folder)) for side in ("ours", "theirs")}
    show(rows, results)


def measured(side: str, folder: Path) -> Row:
    """Seconds on the clock and of the processors, peak memory in MB and what was written, of one
    side alone.
    """
    begin = time.perf_counter()
    command = [sys.executable, __file__, "--side", side, str(folder)]
    process = subprocess.Popen(command, env=os.environ | {"HF_DATASETS_OFFLINE": "1"})
    peak, ended = 0.0, 0
    while not ended:
        peak = max(peak, memory(process.pid))
        time.sleep(0.2)
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
    seconds = time.perf_counter() - begin
    if status:
        sys.exit(f"the side '{side}' failed")
    kept, digest = written(folder / side / "train.jsonl")
    cpu = usage.ru_utime + usage.ru_stime  # with the processes that it waited for
    return {"seconds": seconds, "cpu": cpu, "memory": peak, "kept": kept, "digest": digest}


def memory(pid: int) -> float:
    """MB of anonymous memory of a process and its descendants, shared pages counted in parts."""
    total, parents = 0, {pid}
    tree = {int(path.name): path for path in Path("/proc").iterdir() if path.name.isdigit()}
    for number, path in sorted(tree.items()):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if number != pid and parent not in parents:
                continue
            parents.add(number)
            for line in (path / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss_Anon:"):
                    total += int(line.split()[1])
        except OSError:
            continue  # the process has just ended
    return total / 1024


def written(path: Path) -> tuple[int, str]:
    """How many prompts a side wrote, and a digest of ids, prompts and targets in their order."""
    sha, count = hashlib.sha256(), 0
    for row in io.stream(path):
        sha.update(f"{row['id']}\0{row['prompt']}\0{row['target']}\0".encode())
        count += 1
    return count, sha.hexdigest()


def show(rows: int, results: dict[str, Row]) -> None:
    ours_, theirs_ = results["ours"], results["theirs"]
    if (ours_["kept"], ours_["digest"]) != (theirs_["kept"], theirs_["digest"]):
        sys.exit(f"the two sides wrote different prompts: {results}")
    print(
        f"{rows:,} rows read, {ours_['kept']:,} prompts written, equal on both sides; {PROCESSES}"
        " processes each"
    )
    print(f"{'':24}{'rows/s':>10}{'seconds':>10}{'CPU s':>10}{'peak MB':>10}")
    for name, side in (("this project", ours_), ("datasets filter and map", theirs_)):
        rate = rows / side["seconds"]
        print(
            f"{name:24}{rate:>10,.0f}{side['seconds']:>10.1f}{side['cpu']:>10.1f}{side['memory']:>10.0f}"
        )
    speed = [rows / side["seconds"] for side in (ours_, theirs_)]
    print(
        json.dumps(
            [
                {
                    "name": "filter and template, speed",
                    "ratio": round(speed[0] / speed[1], 2),
                    "goal": 1.0,
                    "ours": round(speed[0]),
                    "theirs": round(speed[1]),
                    "unit": "rows/s",
                },
                {
                    "name": "filter and template, processor time",
                    "ratio": round(theirs_["cpu"] / ours_["cpu"], 2),
                    "goal": 1.0,
                    "ours": round(ours_["cpu"], 1),
                    "theirs": round(theirs_["cpu"], 1),
                    "unit": "s",
                },
                {
                    "name": "filter and template, memory",
                    "ratio": round(theirs_["memory"] / ours_["memory"], 2),
                    "goal": 1.0,
                    "ours": round(ours_["memory"]),
                    "theirs": round(theirs_["memory"]),
                    "unit": "MB",
                },
            ]
        )
    )


# ---- the two sides
# ----------------------------------------------------------------------------------------------


def tools(folder: Path) -> tuple[Any, Any, Any]:
    return (
        registry.entry("ms_marco"),
        templates.load("paper", ROOT / "prompts"),
        TokenCounter(f"{folder}/tokenizer.json"),
    )


def ours(folder: Path) -> None:
    entry, paper, counter = tools(folder)
    everything = DataSet("published", None, 0)
    settings = build_records.FilterSettings("published", 5, 0, "keep")
    build_records.filter_file(
        folder / "raw.jsonl", folder / "filtered", entry, everything, settings
    )
    render_prompts.prompt_folder(folder / "filtered", folder / "ours", paper, counter, SETTINGS)


def theirs(folder: Path) -> None:
    """As one writes it with datasets: map to records, filter, map to prompts in batches, write."""
    import datasets

    datasets.disable_progress_bars()
    entry, paper, counter = tools(folder)
    shape = entry.shapes[0]
    used = ["dropped", "sources"]  # columns that filters and trimming go by

    def to_record(row: Row) -> Row:
        record = shape.record(row)
        record["context"] = record["context"][:5]
        reasons = (keep(row, record) for keep in entry.filters)
        record |= {
            "id": f"{entry.name}:{record.pop('native')}",
            "dataset": entry.name,
            "task": entry.task,
        }
        return record | {"dropped": next(filter(None, reasons), "")}

    def to_prompt(batch: Row) -> Row:
        rows = [
            dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True)
        ]
        prompts = [paper.render(row) for row in rows]
        targets = [render_prompts.target(row) for row in rows]
        lengths = render_prompts.token_counts(prompts, targets, counter, MAX_TOKENS, ANSWER_TOKENS)
        kept = []
        for row, prompt, target, length in zip(rows, prompts, targets, lengths, strict=True):
            if length > MAX_TOKENS:
                shorter = render_prompts.shortened(row, "", length, paper, counter, SETTINGS)
                if isinstance(shorter, str):
                    continue
                row, prompt = row | {"context": shorter}, paper.render(row, shorter)
            kept.append(
                row | {"instruction": paper.instruction(row), "prompt": prompt, "target": target}
            )
        names = [name for name in (*batch, "prompt", "target") if name not in used]
        return {name: [row[name] for row in kept] for name in names}

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    cache = str(folder / "cache")
    table = datasets.load_dataset(
        "json", data_files=str(folder / "raw.jsonl"), split="train", cache_dir=cache
    )
    table = table.map(to_record, num_proc=PROCESSES, remove_columns=table.column_names)
    table = table.filter(lambda reason: reason == "", input_columns="dropped", num_proc=PROCESSES)
    table = table.map(to_prompt, batched=True, num_proc=PROCESSES, remove_columns=used)
    (folder / "theirs").mkdir()
    table.to_json(str(folder / "theirs/train.jsonl"), num_proc=PROCESSES, force_ascii=False)


# ---- what they work on
# ------------------------------------------------------------------------------------------


def made_up(count: int) -> Iterator[Row]:
    """MS MARCO rows of made-up words: ten passages of about thirty, one row in five without a
    well-formed answer.
    """
    rng = random.Random(0)
    letters = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    words = ["".join(rng.choices(letters, k=rng.randint(1, 4))) for _ in range(5000)]
    passages = [
        " ".join(rng.choices(words, k=rng.randint(15, 45))).capitalize() + "."
        for _ in range(20_000)
    ]
    for number in range(count):
        texts = rng.sample(passages, 10)
        chosen = rng.randrange(5)
        answer = " ".join(texts[chosen].split()[2:9])
        yield {
            "answers": [answer],
            "passages": {
                "is_selected": [int(place == chosen) for place in range(10)],
                "passage_text": texts,
                "url": [f"https://example.org/{number}/{place}" for place in range(10)],
            },
            "query": " ".join(rng.choices(words, k=6)),
            "query_id": number,
            "query_type": "DESCRIPTION",
            "wellFormedAnswers": [f"{answer.capitalize()}."] if number % 5 else [],
        }


def save_tokenizer(folder: Path) -> None:
    """A byte-level BPE of 8,000 tokens, trained on some of the rows."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=8000, show_progress=False, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(
        (" ".join(row["passages"]["passage_text"]) for row in made_up(2000)), trainer
    )
    tokenizer.save(f"{folder}/tokenizer.json")


if __name__ == "__main__":
    main()

"""Rows of training as token ids in several processes: one mapped file, against lists that each
process makes for itself. Seconds until all have them, and the memory that they hold together.

Run: `python benchmarks/encoded_rows.py [--rows N] [--processes N]`.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from tqdm import tqdm

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from reset.core import io  # noqa: E402
from reset.tokens import encoding  # noqa: E402
from tests.support import tiny_llama  # noqa: E402

WORDS, TARGET = 600, 150  # words, and tokens, of a row's prompt and of its target
LIMIT = WORDS + TARGET + 1
ROUNDS = 3
SIDES = {"mapped": "one file, mapped", "lists": "lists in each process"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        hold(given.side[0], Path(given.side[1]))
        return
    found: dict[str, list[tuple[float, float]]] = {side: [] for side in SIDES}
    bar = tqdm(total=ROUNDS * len(SIDES), unit="side")
    for _ in range(ROUNDS):
        for side in SIDES:
            with tempfile.TemporaryDirectory() as folder:
                write_rows(Path(folder), given.rows)
                found[side].append(measure(side, Path(folder), given.processes))
            bar.update()
    bar.close()
    show(found, given.rows, given.processes)


def write_rows(folder: Path, count: int) -> None:
    rng = random.Random(0)
    rows = []
    for i in range(count):
        words = rng.choices(tiny_llama.WORDS, k=WORDS + TARGET)
        prompt, target = " ".join(words[:WORDS]), " ".join(words[WORDS:])
        rows.append({"id": str(i), "prompt": prompt, "target": target})
    io.write(folder / "rows.jsonl", rows)
    tiny_llama.tokenizer().save_pretrained(folder / "start")


def measure(side: str, folder: Path, processes: int) -> tuple[float, float]:
    """Seconds until all processes have the rows, and bytes in all of them: the memory that they
    share counts once.
    """
    begin = time.perf_counter()
    if side == "mapped":
        mapped(folder)
    command = [sys.executable, __file__, "--side", side, str(folder)]
    holders = []
    for _ in range(processes):
        holders.append(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
    for holder in holders:
        assert holder.stdout and holder.stdout.readline() == "ready\n"
    seconds = time.perf_counter() - begin
    memory = sum(psutil.Process(holder.pid).memory_full_info().pss for holder in holders)
    for holder in holders:
        holder.communicate("\n")
    return seconds, memory


def hold(side: str, folder: Path) -> None:
    """Make the rows, look at all of them once, and wait for the end of stdin's first line."""
    rows = mapped(folder) if side == "mapped" else lists(folder)
    assert sum(sum(row.input_ids) for row in rows)
    print("ready", flush=True)
    sys.stdin.readline()


def mapped(folder: Path):
    from reset.training import encoded_rows

    tokenizer = tiny_llama.tokenizer()
    return encoded_rows.encode(
        folder / "rows.jsonl", folder / "start", tokenizer, LIMIT, folder / "work"
    )


def lists(folder: Path):
    path = folder / "rows.jsonl"
    return encoding.encode(io.read(path), tiny_llama.tokenizer(), LIMIT, str(path))


def show(found: dict[str, list[tuple[float, float]]], rows: int, processes: int) -> None:
    medians = {}
    for side, values in found.items():
        medians[side] = [statistics.median(column) for column in zip(*values, strict=True)]
    print(f"{rows} rows of {LIMIT} tokens, {processes} processes, median of {ROUNDS}")
    for side, (seconds, memory) in medians.items():
        print(f"{SIDES[side]:25} {seconds:7.1f} s {memory / 1e9:7.2f} GB")
    figures = []
    for i, (name, unit) in enumerate([("seconds", "s"), ("memory", "B")]):
        ours, theirs = medians["mapped"][i], medians["lists"][i]
        ratio = round(theirs / ours, 2)
        figures.append({"name": name, "ours": ours, "theirs": theirs, "ratio": ratio, "goal": 1.0,
                        "unit": unit})  # fmt: skip
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

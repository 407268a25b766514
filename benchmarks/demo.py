"""`make demo` in a fresh clone with a new virtual environment: seconds of the set-up and of each
stage (start-up included), peak memory, a second repro, lines of code.

`python benchmarks/demo.py` takes as long as the demo. It prints a table and one line of JSON.
"""

import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.support import clones  # noqa: E402

GOAL_SECONDS, GOAL_GIGABYTES = 600, 2.0


def timed_demo(folder: Path) -> dict[str, list[float]]:
    """Seconds of the set-up and of each item of each stage of `make demo` in `folder`, DVC's own
    part included.
    """
    seconds: dict[str, list[float]] = defaultdict(list)
    errors = tempfile.TemporaryFile("w+")
    process = subprocess.Popen(
        ["make", "demo"], cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True
    )
    assert process.stdout is not None
    running, since = "set-up", time.perf_counter()
    bar = tqdm(unit="stage")
    for line in process.stdout:
        found = re.match(r"Running stage '(\w+)", line)
        if found or line.startswith("dvc repro"):
            now = time.perf_counter()
            seconds[running].append(now - since)
            running, since = found.group(1) if found else "dvc", now
            bar.update()
    seconds[running].append(time.perf_counter() - since)
    bar.close()
    if process.wait():
        errors.seek(0)
        sys.exit(f"make demo failed: {errors.read()[-2000:]}")
    return seconds


def seconds_of(folder: Path, *words: str) -> float:
    started = time.perf_counter()
    clones.dvc(folder, *words)
    return time.perf_counter() - started


def lines_of_code() -> dict[str, int]:
    """Lines that are neither blank nor a comment's alone, by folder."""
    counts = {}
    for name in ("stages", "src", "tests", "benchmarks"):
        files = [path for path in (clones.ROOT / name).rglob("*.py")]
        lines = [line.strip() for path in files for line in path.read_text().splitlines()]
        counts[name] = sum(bool(line) and not line.startswith("#") for line in lines)
    return counts


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(clones.ROOT), str(folder)], check=True)
        committed = (folder / "dvc.lock").read_text()
        seconds = timed_demo(folder)
        setup = sum(seconds.pop("set-up"))
        total = sum(map(sum, seconds.values()))
        same = (folder / "dvc.lock").read_text() == committed
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        again, status = seconds_of(folder, "repro"), seconds_of(folder, "status")
    print(f"{'stage':20} {'items':>5} {'s each':>7} {'s all':>7}")
    for name, values in sorted(seconds.items(), key=lambda entry: -sum(entry[1])):
        print(f"{name:20} {len(values):5} {sum(values) / len(values):7.2f} {sum(values):7.1f}")
    print(f"{'all':20} {sum(map(len, seconds.values())):5} {'':7} {total:7.1f}")
    print(f"set-up of the environment {setup:.1f} s")
    print(f"dvc.lock {'equals' if same else 'differs from'} the committed one")
    print(
        f"second repro {again:.1f} s, status {status:.1f} s, peak memory of the largest process"
        f" {peak:.2f} GB"
    )
    print(
        "lines of code:", ", ".join(f"{name} {count:,}" for name, count in lines_of_code().items())
    )
    rows = [
        {
            "name": "demo",
            "ours": round(total, 1),
            "theirs": None,
            "ratio": GOAL_SECONDS / total,
            "unit": "s",
        },
        {
            "name": "memory",
            "ours": round(peak, 2),
            "theirs": None,
            "ratio": GOAL_GIGABYTES / peak,
            "unit": "GB",
        },
    ]
    print(json.dumps([row | {"goal": 1.0, "ratio": round(row["ratio"], 2)} for row in rows]))


if __name__ == "__main__":
    main()

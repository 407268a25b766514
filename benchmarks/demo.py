"""`make demo` in a fresh clone with a new virtual environment: seconds of the set-up and of each
stage (start-up included), DVC's own share, peak memory, a second repro, lines of code.

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

import psutil
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.support import clones  # noqa: E402

GOAL_SECONDS, GOAL_AGAIN, GOAL_GIGABYTES = 300, 4.0, 2.0


def dvc_seconds(process: int) -> float:
    """Processor seconds so far of the `dvc repro` below a process, without those of its stages."""
    for child in psutil.Process(process).children(recursive=True):
        try:
            words = child.cmdline()
            if any(word.endswith("/dvc") for word in words) and "repro" in words:
                times = child.cpu_times()
                return times.user + times.system
        except psutil.Error:  # it has ended meanwhile
            continue
    return 0.0


def timed_demo(folder: Path) -> tuple[dict[str, list[float]], float]:
    """Seconds of the set-up and of each item of each stage of `make demo` in `folder`, with DVC's
    work around it, and the processor seconds of DVC alone.
    """
    seconds: dict[str, list[float]] = defaultdict(list)
    errors = tempfile.TemporaryFile("w+")
    process = subprocess.Popen(
        ["make", "demo"], cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True
    )
    assert process.stdout is not None
    running, since, dvc = "set-up", time.perf_counter(), 0.0
    bar = tqdm(unit="stage")
    for line in process.stdout:
        found = re.match(r"Running stage '(\w+)", line)
        if found or line.startswith("dvc repro"):
            now = time.perf_counter()
            dvc = max(dvc, dvc_seconds(process.pid))
            seconds[running].append(now - since)
            running, since = found.group(1) if found else "dvc", now
            bar.update()
    seconds[running].append(time.perf_counter() - since)
    bar.close()
    if process.wait():
        errors.seek(0)
        sys.exit(f"make demo failed: {errors.read()[-2000:]}")
    return seconds, dvc


def seconds_of(folder: Path, *words: str) -> float:
    started = time.perf_counter()
    clones.dvc(folder, *words)
    return time.perf_counter() - started


def lines_of_code() -> dict[str, int]:
    """Lines that are neither blank nor a comment's alone, by folder."""
    counts = {}
    for name in ("stages", "scripts", "src", "tests", "benchmarks"):
        files = [path for path in (clones.ROOT / name).rglob("*.py")]
        lines = [line.strip() for path in files for line in path.read_text().splitlines()]
        counts[name] = sum(bool(line) and not line.startswith("#") for line in lines)
    return counts


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(clones.ROOT), str(folder)], check=True)
        committed = (folder / "dvc.lock").read_text()
        seconds, dvc = timed_demo(folder)
        setup = sum(seconds.pop("set-up"))
        total = sum(map(sum, seconds.values()))
        same = (folder / "dvc.lock").read_text() == committed
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        peak, processor = usage.ru_maxrss / 2**20, usage.ru_utime + usage.ru_stime
        lock = len(committed.splitlines())
        again, status = seconds_of(folder, "repro"), seconds_of(folder, "status")
    print(f"{'stage':20} {'items':>5} {'s each':>7} {'s all':>7}")
    for name, values in sorted(seconds.items(), key=lambda entry: -sum(entry[1])):
        print(f"{name:20} {len(values):5} {sum(values) / len(values):7.2f} {sum(values):7.1f}")
    print(f"{'all':20} {sum(map(len, seconds.values())):5} {'':7} {total:7.1f}")
    stages = sum(map(len, seconds.values()))
    print(f"set-up of the environment {setup:.1f} s; processor seconds of all {processor:.0f}")
    print(
        f"DVC's own processor seconds {dvc:.1f}, {dvc / stages:.2f} a stage; dvc.lock"
        f" {lock:,} lines, {lock / stages:.0f} a stage"
    )
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
            "name": "second repro",
            "ours": round(again, 1),
            "theirs": None,
            "ratio": GOAL_AGAIN / again,
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

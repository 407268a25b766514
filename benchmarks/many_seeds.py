"""What DVC takes to record a finished stage in dvc.lock, with 1, 3 and 5 seeds in one `dvc repro`.

`python benchmarks/many_seeds.py` copies the committed lock's entries of the demo's seed to further
seeds, and times DVC's own reading and writing of the lock around one stage. It prints a table and
one line of JSON.
"""

import json
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import yaml
from dvc.repo import Repo
from dvc.utils.serialize import dump_yaml

ROOT = Path(__file__).parent.parent
SEED, COUNTS, REPEATS = 31, (1, 3, 5), 5
STAGE = "evaluate"  # any: the whole lock is written for each


def write_seeds(folder: Path, lock: str, count: int) -> None:
    """Give the clone in `folder` so many seeds, with a lock as after `dvc repro`."""
    seeds = list(range(SEED, SEED + count))
    params = (ROOT / "params.yaml").read_text()
    (folder / "params.yaml").write_text(re.sub("(?m)^seeds: .*", f"seeds: {seeds}", params))
    stages: dict[str, object] = {}
    for seed in seeds:
        copy = re.sub(rf"(?<![0-9]){SEED}(?![0-9])", str(seed), lock)  # hashes are not looked at
        stages |= yaml.load(copy, yaml.CSafeLoader)["stages"]
    dump_yaml(str(folder / "dvc.lock"), {"schema": "2.0", "stages": stages})


def seconds_a_stage(folder: Path) -> tuple[int, float]:
    """Stages of the clone, and the median seconds to record one of them."""
    with Repo(str(folder)) as repo:
        stages = repo.index.stages
        (stage,) = [stage for stage in stages if getattr(stage, "name", None) == STAGE]
        taken = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            stage.dump(update_pipeline=False)
            taken.append(time.perf_counter() - start)
        return len(stages), statistics.median(taken)


def main() -> None:
    print(f"{'seeds':>5} {'stages':>6} {'lines':>6} {'s a stage':>9}")
    rows = []
    lock = (ROOT / "dvc.lock").read_text()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        for count in COUNTS:
            write_seeds(folder, lock, count)
            stages, seconds = seconds_a_stage(folder)
            lines = len((folder / "dvc.lock").read_text().splitlines())
            print(f"{count:5} {stages:6} {lines:6,} {seconds:9.2f}", flush=True)
            rows.append({"name": f"{count} seeds", "ours": round(seconds, 2), "unit": "s"})
    print(json.dumps(rows))


if __name__ == "__main__":
    main()

"""benchmark[run,seed]: public benchmarks of a finished model, by lm-evaluation-harness."""

import argparse
from pathlib import Path

from reset.benchmarks import harness
from reset.core import io, params
from reset.core.errors import run_stage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="<run>_<seed>")
    name = parser.parse_args().name
    declared = params.declared("benchmark").evaluation.benchmarks
    settings = params.build(harness.BenchmarkSettings, declared, "evaluation.benchmarks")
    numbers = harness.evaluate(Path("models") / name, settings)
    io.write_json(f"metrics/benchmarks/{name}.json", numbers)
    print(f"benchmark {name}: {len(numbers)} numbers of {', '.join(settings.tasks)}")


if __name__ == "__main__":
    run_stage(main)

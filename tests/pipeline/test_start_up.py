"""What a stage imports before it knows that it needs it: with 120 stages, start-up counts as much
as arithmetic.
"""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted(path.stem for path in Path("stages").glob("*.py"))
HEAVY = {
    "torch",
    "transformers",
    "datasets",
    "openai",
    "pandas",
    "matplotlib",
    "bm25s",
    "tokenizers",
    "nupunkt",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_stage_starts_without_heavy_packages(script):
    code = f"import sys, runpy; runpy.run_path('stages/{script}.py'); print(*sys.modules)"
    environment = {"PYTHONPATH": "src"}
    told = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(told.stdout.split())

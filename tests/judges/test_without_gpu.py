"""A judge behind an endpoint runs on a machine without GPU: it loads no PyTorch, and what it reads
is what docs/a100.md pulls there.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.support.fault_server import ENDPOINT, FaultServer

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "transformers", "vllm", "deepspeed", "accelerate"}
JUDGING = """
import json, sys
from stages import judge_instruction, judge_ready
from reset.judges.instruction import backends, background, batch_api, client
from reset.judges.instruction.settings import OpenAISettings
endpoint = OpenAISettings(**json.loads(sys.argv[1]))
prompt = {"id": "a", "instruction": "Name a colour.", "references": ["red"]}
answer = {"id": "a", "sample": 0, "text": "Red."}
found = backends.verdicts([(prompt, answer)], "openai", endpoint, "judge", 0.0, sys.argv[2])
modules = sorted({name.split(".")[0] for name in sys.modules})
print(json.dumps({"score": found[0]["score"], "modules": modules}))
"""


def test_judging_by_an_endpoint_loads_no_pytorch(tmp_path):
    with FaultServer() as server:
        endpoint = json.dumps(asdict(replace(ENDPOINT, base_url=server.url)))
        template = str(ROOT / "prompts/judge_instruction.txt")
        environment = os.environ | {"PYTHONPATH": f"{ROOT}/src:{ROOT}"}
        done = subprocess.run(
            [sys.executable, "-c", JUDGING, endpoint, template],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["score"] is not None
    assert not HEAVY & set(said["modules"])


@pytest.mark.parametrize("stage", ["judge_samples_instruction", "judge_predictions_instruction"])
def test_what_is_pulled_to_the_judging_machine_is_what_the_judge_reads(stage):
    from dvc.repo import Repo

    repo = Repo(str(ROOT))
    pulled = _pulled_before(stage)
    produced = [out.def_path for target in pulled for out in _outs(repo, target)]
    for item in repo.stage.collect(stage):
        needed = [
            dep.def_path for dep in item.deps if dep.def_path.startswith(("data/", "models/"))
        ]
        assert needed
        missing = [path for path in needed if not path.startswith(tuple(produced))]
        assert missing == []


def _pulled_before(stage: str) -> list[str]:
    """The targets of the `dvc pull` above the document's `dvc repro --single-item` of a stage."""
    text = (ROOT / "docs/a100.md").read_text()
    found = re.search(rf"^dvc pull (.*)\ndvc repro --single-item {stage}$", text, re.M)
    assert found, f"docs/a100.md has no commands for {stage}"
    return found[1].split()


def _outs(repo, target: str) -> list:
    return [out for item in repo.stage.collect(target) for out in item.outs]

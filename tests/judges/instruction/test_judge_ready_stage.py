"""judge_ready: what keeps a run from sampling for hours before it finds that its judge cannot be
asked.
"""

import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from reset.core.errors import InputError
from stages import judge_ready
from tests.judges.instruction.test_llm import REMOTE
from tests.support import graph

OUT = Path("data/judge_ready.txt")


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A workspace whose judge is behind a paid endpoint, and an environment that allows nothing
    yet.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["stage"])
    for name in ("RESET_ALLOW_PAID", "OPENAI_API_KEY", REMOTE.openai.api_key_env):
        monkeypatch.delenv(name, raising=False)
    judges = {"judges": {"instruction": asdict(REMOTE)}}
    stages = {"stages": {"judge_ready": {"params": ["judges.instruction"]}}}
    Path("profiles").mkdir()
    for name, value in {
        "params.yaml": judges,
        "profiles/paper.yaml": judges,
        "dvc.yaml": stages,
    }.items():
        Path(name).write_text(yaml.safe_dump(value))


def test_a_remote_judge_without_permission_or_key_stops_here(remote, monkeypatch):
    with pytest.raises(InputError, match="RESET_ALLOW_PAID=1"):
        judge_ready.main()
    monkeypatch.setenv("RESET_ALLOW_PAID", "1")
    with pytest.raises(InputError, match=f"needs a key.*{REMOTE.openai.api_key_env}"):
        judge_ready.main()
    assert not OUT.exists()
    monkeypatch.setenv(REMOTE.openai.api_key_env, "secret")
    judge_ready.main()
    assert OUT.read_text() == "ready\n"


def test_nothing_is_sampled_before_the_judge_is_ready():
    stages = graph.stages()
    assert str(OUT) in stages["judge_ready"]["outs"] and str(OUT) in stages["sample"]["deps"]

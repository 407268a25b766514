"""judge_ready: what keeps a run from training for hours before it finds that its judge does not
answer.
"""

import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml

from reset.core import io
from reset.core.errors import InputError
from reset.judges.instruction import client, settings
from reset.judges.instruction.pending import all_judged
from reset.judges.instruction.reply_store import PLACE, Store
from stages import judge_ready
from tests.judges.instruction.test_llm import REMOTE, ROOT
from tests.support import graph
from tests.support.fault_server import ENDPOINT, FaultServer, Reply

OUT = Path("data/judge_ready.txt")
JUDGING = {
    "matrix": {"pool": ["reset"], "seed": "${seeds}"},
    "cmd": "python stages/judge_instruction.py samples ${item.pool}_${item.seed}",
}
GRAPH = {
    "stages": {
        "judge_settings": {"params": ["judges.instruction"]},
        "judge_probe": {"foreach": "${judges.probe}", "do": {"params": ["judges.instruction"]}},
        "judge_samples_instruction": JUDGING,
    }
}


def configure(judge):
    """A workspace whose params name this judge."""
    section = {"seeds": [1], "judges": {"instruction": asdict(judge)}}
    for path in ("params.yaml", "profiles/paper.yaml"):
        io.write_text(path, yaml.safe_dump(section))
    io.write_text("dvc.yaml", yaml.safe_dump(GRAPH))


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """An empty folder with the prompts, in which nothing may be paid for yet."""
    for name in ("RESET_ALLOW_PAID", "OPENAI_API_KEY", REMOTE.openai.api_key_env):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(client, "FIRST_WAIT", 0.01)
    io.write_text(settings.PROMPT, (ROOT / settings.PROMPT).read_text())
    return tmp_path


@pytest.fixture
def stage(workspace, monkeypatch):
    """The stage's script, called with a part."""

    def call(part):
        monkeypatch.setattr(sys, "argv", ["stage", part])
        judge_ready.main()

    return call


def local(server, **changes):
    return replace(REMOTE, openai=replace(ENDPOINT, base_url=server.url, **changes))


def test_a_remote_judge_without_permission_or_key_stops_here(stage, monkeypatch):
    configure(REMOTE)
    for part in ("settings", "endpoint"):
        monkeypatch.delenv("RESET_ALLOW_PAID", raising=False)
        with pytest.raises(InputError, match="RESET_ALLOW_PAID=1"):
            stage(part)
        monkeypatch.setenv("RESET_ALLOW_PAID", "1")
        with pytest.raises(InputError, match=f"needs a key.*{REMOTE.openai.api_key_env}"):
            stage(part)
    assert not Path("data").exists()
    monkeypatch.setenv(REMOTE.openai.api_key_env, "secret")
    stage("settings")
    stage("all")
    assert Path("data/judge_ready/settings.txt").read_text() == OUT.read_text() == "ready\n"


def test_a_prompt_that_is_not_there_stops_here(stage):
    configure(replace(REMOTE, prompt="mine.txt", openai=ENDPOINT))
    with pytest.raises(InputError, match="mine.txt: the judge's prompt cannot be read"):
        stage("settings")


def test_every_model_that_judges_is_asked_once_each_time_with_its_own_settings(stage):
    weaker = {"pool_models": {"reset_s": "weaker", "reset": "weaker"}, "repeats": 3}
    with FaultServer() as server:
        configure(local(server, temperature=None, **weaker))
        stage("endpoint")
        assert [body["model"] for body in server.bodies] == [ENDPOINT.model, "weaker"]
        stage("endpoint")
    assert len(server.bodies) == 4 and all("temperature" not in body for body in server.bodies)
    assert Path("data/judge_ready/endpoint.txt").read_text() == "ready\n"
    with Store(PLACE) as store:
        assert {entry["stage"] for entry in store.usage()["stages"]} == {"judge_probe"}
        assert store.usage()["calls"] == 4 and store.booked() > 0


def test_a_retired_model_is_named_though_the_other_one_answers(stage):
    gone = Reply(status=404, error={"message": "The model has been shut down", "code": "gone"})

    def behaviour(prompt, before):
        return gone if server.bodies[-1]["model"] == "weaker" else Reply()

    with FaultServer(behaviour) as server:
        configure(local(server, pool_models={"reset_s": "weaker"}))
        with pytest.raises(InputError, match="the judge weaker at .* has been shut down"):
            stage("endpoint")
    assert not Path("data/judge_ready").exists()


@pytest.mark.parametrize(
    "reply, said",
    [
        (Reply(status=500), "no reply after 3 tries: HTTP 500"),
        (Reply(status=401), "the key is refused"),
        (Reply("", finish="length"), "raise max_tokens"),
        (Reply(status=400, error={"message": "no such field"}), "HTTP 400: no such field"),
    ],
)
def test_a_server_that_does_not_serve_stops_here_after_few_tries(stage, reply, said):
    with FaultServer(lambda prompt, before: reply) as server:
        configure(local(server, retries=9))
        with pytest.raises(InputError, match=said):
            stage("endpoint")
    assert len(server.bodies) <= 3


def test_a_server_that_is_down_stops_here(stage):
    with FaultServer() as server:
        pass
    configure(local(server))
    with pytest.raises(InputError, match="does not answer: no reply after 3 tries: no connection"):
        stage("endpoint")


def test_a_judge_without_an_endpoint_is_asked_nothing(stage):
    configure(settings.InstructionSettings(settings.PROMPT, "rubric", None, None))
    stage("settings")
    stage("endpoint")
    assert not PLACE.exists()


# ---- when nothing is left to judge

SECTION = {"seeds": [1], "judges": {"instruction": {"backend": "openai"}}, "train": {"rate": 0.1}}


def lock():
    """dvc.lock after training, sampling and judging."""
    trained, samples = "models/mtl_1", "data/samples/reset_1.jsonl"
    verdicts = "data/verdicts/instruction/samples/reset_1.jsonl"
    return {
        "stages": {
            "mtl@1": {
                "params": {"params.yaml": {"train.rate": 0.1}},
                "outs": [{"path": trained, "md5": "a"}],
            },
            "sample@reset-1": {
                "deps": [{"path": trained, "md5": "a"}],
                "outs": [{"path": "data/samples", "md5": "b"}],
            },
            "judge_samples_instruction@reset-1": {
                "params": {"params.yaml": {"judges.instruction": {"backend": "openai"}}},
                "deps": [{"path": samples, "md5": "c"}],
                "outs": [{"path": verdicts, "md5": "d"}],
            },
            "report": {"params": {"params.yaml": {"report.samples": 4}}},
        }
    }


@pytest.fixture
def judged(workspace):
    io.write("data/verdicts/instruction/samples/reset_1.jsonl", [])


def test_nothing_is_asked_where_all_is_judged_so_that_a_report_needs_no_server(
    stage, judged, capsys
):
    configure(REMOTE)
    recorded = lock()
    entry = recorded["stages"]["judge_samples_instruction@reset-1"]
    entry["params"] = {"params.yaml": {"judges.instruction": asdict(REMOTE)}}
    recorded["stages"]["mtl@1"]["params"] = {"params.yaml": {"seeds": [1]}}
    io.write_text("dvc.lock", yaml.safe_dump(recorded))
    stage("endpoint")
    assert "everything is judged" in capsys.readouterr().out
    assert Path("data/judge_ready/endpoint.txt").exists() and not PLACE.exists()


def test_all_is_judged_when_lock_params_and_verdicts_agree(judged):
    assert all_judged(GRAPH, lock(), SECTION)
    assert all_judged(GRAPH, lock(), SECTION | {"report": {"samples": 5}})


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": [1, 2]},
        {"judges": {"instruction": {"backend": "rubric"}}},
        {"train": {"rate": 0.2}},
        {"train": {}},
        {"train": None},
    ],
)
def test_a_change_in_judging_or_before_it_leaves_something_to_judge(judged, change):
    assert not all_judged(GRAPH, lock(), SECTION | change)


def test_a_run_that_was_cut_off_leaves_something_to_judge(judged):
    resampled = lock()
    resampled["stages"]["mtl@1"]["outs"][0]["md5"] = "new"
    assert not all_judged(GRAPH, resampled, SECTION)
    assert not all_judged(GRAPH, {}, SECTION)
    Path("data/verdicts/instruction/samples/reset_1.jsonl").unlink()
    assert not all_judged(GRAPH, lock(), SECTION)


# ---- in the graph


def test_nothing_is_trained_or_sampled_before_the_judge_is_ready():
    stages = graph.stages()
    assert str(OUT) in stages["judge_ready"]["outs"]
    for name in ("sample", "mtl", "stage1", "grounded"):
        assert str(OUT) in stages[name]["deps"]
    assert stages["judge_probe"]["always_changed"] is True
    assert "data/judge_ready" in stages["judge_ready"]["deps"]

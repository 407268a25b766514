"""The stage as DVC runs it, against a counting server: each text is paid for once, whatever happens
to the stage.
"""

import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zlib
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml

from reset.core import io
from reset.judges.instruction import settings
from reset.judges.instruction.llm import NO_REFERENCE
from reset.judges.instruction.reply_store import PLACE, Store
from tests.support.batch_provider import Provider
from tests.support.fault_server import ENDPOINT, FaultServer, Reply

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
OUT = Path("data/verdicts/instruction/samples/reset_1.jsonl")


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A workspace with one pool of 8 instruction prompts × 3 samples and one row of another
    task.
    """
    prepare(tmp_path, monkeypatch)
    fill(8, 3)
    return tmp_path


def prepare(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESET_ALLOW_PAID", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    Path("prompts").mkdir()
    for prompt in (settings.PROMPT, "prompts/judge_revised.txt"):
        shutil.copy(ROOT / prompt, prompt)
    declared = ["judges.instruction", "judges.max_missing"]
    io.write_text(
        "dvc.yaml", yaml.safe_dump({"stages": {"judge_samples_instruction": {"params": declared}}})
    )


def fill(prompts, samples):
    rows = [
        {"id": f"dolly:{n}", "task": "instruction", "instruction": f"task {n}"}
        for n in range(prompts)
    ]
    rows.append({"id": "nq:0", "task": "extractive_qa", "instruction": "extract"})
    answers = [
        {"id": row["id"], "sample": s, "text": f"{row['id']} {s}"}
        for row in rows
        for s in range(samples)
    ]
    io.write("data/pools/reset_1.jsonl", rows)
    io.write("data/samples/reset_1.jsonl", answers)


def configure(url=None, max_missing=0.0, samples=None, prompt=settings.PROMPT, **changes):
    """Write params.yaml: an endpoint at `url`, or the rubric; `samples` names the back ends
    of the pools.
    """
    endpoint = asdict(replace(ENDPOINT, base_url=url, **changes)) if url else None
    instruction = {
        "prompt": prompt,
        "backend": "openai" if url else "rubric",
        "samples": samples,
        "openai": endpoint,
    }
    judges = {"instruction": instruction, "max_missing": max_missing}
    for path in ("params.yaml", "profiles/paper.yaml"):
        io.write_text(path, yaml.safe_dump({"judges": judges}))


def start(**environment):
    command = [
        sys.executable,
        str(ROOT / "stages/judge_instruction.py"),
        "samples",
        "reset_1",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment}
    # a test run in the background has SIGINT ignored, and would hand that on
    heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    return subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=heed
    )


def run(code=0, seconds=180, **environment):
    stage = start(**environment)
    _, errors = stage.communicate(timeout=seconds)
    assert stage.returncode == code, errors
    return errors


def children(pid):
    """Process ids of the direct children (Linux)."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_rubric_judges_instruction_rows_alone(workspace):
    configure()
    assert "24 generations judged by rubric, 0 without a score" in run()
    rows = io.read(OUT)
    assert [(row["id"], row["sample"]) for row in rows] == [
        (f"dolly:{n}", s) for n in range(8) for s in range(3)
    ]
    assert list(rows[0]) == ["id", "sample", "metric", "score", "ratings", "raw", "reason"]
    assert not PLACE.exists()


def test_an_endpoint_judges_and_a_second_run_asks_nothing_and_writes_the_same_bytes(workspace):
    with FaultServer() as server:
        configure(server.url)
        errors = run()
        first = OUT.read_bytes()
        OUT.unlink()
        again = run()
    assert "24 texts: 0 replies at hand, 24 calls to make" in errors
    assert "24 texts: 24 replies at hand, 0 calls to make" in again
    assert sum(server.asked.values()) == 24
    assert OUT.read_bytes() == first
    assert (
        json.loads(Path("metrics/cost.json").read_text())["stages"][0]["stage"]
        == "judge_samples_instruction@reset-1"
    )
    assert {row["score"] for row in io.read(OUT)} == {0.7}


def test_the_prompt_is_the_file_that_the_params_name(workspace):
    io.write_text("mine.txt", "[system]\nBe fair.\n[user]\n{request} ? {answer}")
    with FaultServer() as server:
        configure(server.url, prompt="mine.txt")
        run()
    assert server.asked["> task 0 ? > dolly:0 0"] == 1
    assert server.bodies[0]["messages"][0] == {"role": "system", "content": "Be fair."}


def test_a_key_that_the_server_repeats_is_in_no_line_and_no_file(workspace):
    key = "sk-very-secret-1234"
    refusal = Reply(status=400, error={"message": f"{key} may not ask this"})
    with FaultServer(lambda prompt, before: refusal) as server:
        configure(server.url, max_missing=1.0)
        said = run(OPENAI_API_KEY=key)
        assert key not in said
        assert {row["reason"] for row in io.read(OUT)} == {
            "HTTP 400: [OPENAI_API_KEY] may not ask this"
        }
        server.behaviour = lambda prompt, before: replace(refusal, status=401)
        OUT.unlink()
        said = run(code=1, OPENAI_API_KEY=key)
    assert "[OPENAI_API_KEY] may not" in said and key not in said
    files = [path for path in workspace.rglob("*") if path.is_file()]
    assert len(files) > 5 and not any(key.encode() in path.read_bytes() for path in files)


def test_the_scorer_judges_the_samples_though_the_rubric_evaluates(workspace):
    lessons = [
        {"instruction": f"task {n}", "question": "", "target": f"dolly:{n} 1"} for n in range(8)
    ]
    io.write("data/mixes/instruction/train.jsonl", lessons)
    configure(samples={"reset": "scorer", "reset_s": None})
    assert "24 generations judged by scorer, 0 without a score" in run()
    rows = io.read(OUT)
    assert {row["metric"] for row in rows} == {"scorer"} and all(
        0 <= row["score"] <= 1 for row in rows
    )
    best = [
        max(rows[start : start + 3], key=lambda row: row["score"])["sample"]
        for start in range(0, 24, 3)
    ]
    assert best == [1] * 8
    first = OUT.read_bytes()
    run()
    assert OUT.read_bytes() == first


def test_a_judge_with_a_reference_to_revise_is_shown_it_and_told_where_there_is_none(workspace):
    rows = io.read("data/pools/reset_1.jsonl")
    for number, row in enumerate(rows):
        row["references"] = [f"gold {number}"] if number else []
    io.write("data/pools/reset_1.jsonl", rows)
    revised = "dolly:1 0, mended\n\nRating: 4"
    with FaultServer(
        lambda prompt, before: Reply(revised if "> gold 1\n" in prompt else "Rating: 9")
    ) as server:
        configure(server.url, prompt="prompts/judge_revised.txt")
        run()
    assert sum(server.asked.values()) == 24
    assert all(("> gold " in prompt) != (NO_REFERENCE in prompt) for prompt in server.asked)
    judged = io.read(OUT)
    assert {row["metric"] for row in judged} == {f"openai:{ENDPOINT.model}"}
    assert {row["score"] for row in judged if row["id"] == "dolly:1"} == {0.4}
    assert {row["score"] for row in judged if row["id"] != "dolly:1"} == {0.9}
    assert {row["raw"][0] for row in judged if row["id"] == "dolly:1"} == {revised}


def test_the_same_text_under_two_ids_is_asked_once(workspace):
    rows = [
        {"id": f"dolly:{n}", "task": "instruction", "instruction": "one task"} for n in range(2)
    ]
    io.write("data/pools/reset_1.jsonl", rows)
    samples = [
        {"id": row["id"], "sample": s, "text": "one answer"} for row in rows for s in range(2)
    ]
    io.write("data/samples/reset_1.jsonl", samples)
    with FaultServer() as server:
        configure(server.url)
        run()
    assert sum(server.asked.values()) == 1
    assert len(io.read(OUT)) == 4


def test_a_missing_key_or_permission_ends_the_stage_before_it_reads_a_row(workspace):
    configure("https://api.example.com/v1")
    Path("data/samples/reset_1.jsonl").unlink()
    assert "RESET_ALLOW_PAID=1" in run(code=1)
    assert "OPENAI_API_KEY" in run(code=1, RESET_ALLOW_PAID="1")


def test_too_many_unrated_answers_fail_the_stage_without_an_out_and_few_are_null(workspace):
    def behaviour(prompt, before):
        return Reply("no idea") if "dolly:3 1" in prompt else Reply()

    with FaultServer(behaviour) as server:
        configure(server.url)
        assert "judges.max_missing" in run(code=1)
        assert not OUT.exists()
        configure(server.url, max_missing=0.05)
        assert "1 without a score" in run()
    row = next(row for row in io.read(OUT) if (row["id"], row["sample"]) == ("dolly:3", 1))
    assert row["score"] is None
    assert row["raw"] == ["no idea"] * 3
    assert "Rating: N" in row["reason"]


def test_a_wrong_key_stops_the_stage_with_one_clear_line(workspace):
    with FaultServer(
        lambda prompt, before: Reply(status=401, error={"message": "no such key"})
    ) as server:
        configure(server.url)
        errors = run(code=1)
    assert (
        "error: judge_samples_instruction@reset-1: the key is refused (HTTP 401: no such key)"
        in errors
    )
    assert "Traceback" not in errors


def test_two_stages_at_once_share_the_calls(workspace):
    with FaultServer(lambda prompt, before: Reply(wait=0.1)) as server:
        configure(server.url)
        first, second = start(), start()
        for stage in (first, second):
            assert stage.communicate(timeout=180) is not None and stage.returncode == 0
    assert collections.Counter(server.asked.values()) == {1: 24}
    assert len(io.read(OUT)) == 24


def test_the_batch_api_is_one_param_away(workspace):
    provider = Provider(looks=0)
    with FaultServer(routes=provider.routes()) as server:
        configure(server.url, batch_api=True)
        assert "batch batch_0 with 24 calls is under way" in run()
    assert server.asked == {}
    assert {row["score"] for row in io.read(OUT)} == {0.7}


def test_ctrl_c_stores_what_is_under_way_and_the_next_run_goes_on(workspace):
    fill(20, 5)
    with FaultServer(lambda prompt, before: Reply(wait=0.2)) as server:
        configure(server.url)
        stage = start()
        until(lambda: sum(server.asked.values()) >= 20)
        stage.send_signal(signal.SIGINT)
        _, errors = stage.communicate(timeout=180)
        assert stage.returncode == 1
        assert "interrupted" in errors and "Traceback" not in errors
        asked = sum(server.asked.values())
        assert asked < 100
        with Store(PLACE) as store:
            assert store.usage()["calls"] == asked
        run()
    assert set(server.asked.values()) == {1} and len(server.asked) == 100


def by_text(prompt, before):
    """A slow reply whose rating depends on the prompt alone."""
    return Reply(f"So be it.\nRating: {1 + zlib.crc32(prompt.encode()) % 10}", wait=0.15)


def undisturbed(server):
    """The bytes that the stage writes when nothing interrupts it, from a store of its own."""
    for path in PLACE.parent.glob(f"{PLACE.name}*"):
        path.unlink()
    OUT.unlink()
    server.behaviour = lambda prompt, before: replace(by_text(prompt, before), wait=0.0)
    run()
    return OUT.read_bytes()


def test_kill_9_of_the_stage_five_times_loses_no_reply_and_pays_none_twice(workspace):
    fill(40, 5)
    chance = random.Random(0)
    with FaultServer(by_text) as server:
        configure(server.url)
        for number in range(1, 6):
            stage = start()
            until(
                lambda number=number: (
                    sum(server.asked.values()) >= 32 * number + chance.randrange(8)
                )
            )
            stage.kill()
            assert stage.wait() == -signal.SIGKILL
        run()
        assert len(server.asked) == 200
        assert collections.Counter(server.asked.values()) == {1: 200}
        with Store(PLACE) as store:
            assert (store.usage()["calls"], store.usage()["lost_calls"]) == (200, 0)
        judged = OUT.read_bytes()
        assert undisturbed(server) == judged
    assert len(io.read(OUT)) == 200


def test_kill_9_of_the_background_client_too_repeats_only_the_calls_under_way_and_counts_them(
    workspace,
):
    fill(20, 5)
    with FaultServer(by_text) as server:
        configure(server.url, concurrency=4)
        for number in range(1, 6):
            stage = start()
            until(lambda number=number: sum(server.asked.values()) >= 16 * number)
            kill_both(stage)
        run()
        repeated = sum(server.asked.values()) - 100
        assert len(server.asked) == len(io.read(OUT)) == 100
        with Store(PLACE) as store:
            assert store.usage()["calls"] == 100
            assert 0 < repeated <= store.usage()["lost_calls"] <= 5 * 4
        judged = OUT.read_bytes()
        assert undisturbed(server) == judged


def test_of_two_stages_on_one_store_one_is_killed_and_the_other_takes_its_calls_up(workspace):
    fill(20, 5)
    with FaultServer(by_text) as server:
        configure(server.url, concurrency=4)
        for number in range(1, 4):
            killed, other = start(), start()
            until(lambda number=number: sum(server.asked.values()) >= 25 * number)
            kill_both(killed)
            if number < 3:
                kill_both(other)
        _, errors = other.communicate(timeout=180)
        assert other.returncode == 0, errors
        assert len(server.asked) == len(io.read(OUT)) == 100
        with Store(PLACE) as store:
            assert store.usage()["calls"] == 100
            repeated = sum(server.asked.values()) - 100
            assert 0 < repeated <= store.usage()["lost_calls"] <= 5 * 4
            assert store.booked() == pytest.approx(
                store.usage()["usd"] + store.usage()["lost_usd_at_most"]
            )
        judged = OUT.read_bytes()
        assert undisturbed(server) == judged


def kill_both(stage):
    """SIGKILL to a stage and to the process that makes its calls."""
    for client in children(stage.pid):
        os.kill(client, signal.SIGKILL)
    stage.kill()
    stage.wait()


def test_the_bar_shows_spending(workspace):
    with FaultServer() as server:
        configure(server.url)
        errors = run()
    assert "USD" in errors.split("24 texts")[1] and "100%" in errors


def until(condition, seconds=180.0):
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)

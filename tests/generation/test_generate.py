import contextlib
import errno
import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from reset.core.errors import InputError
from reset.generation import engines, generate
from reset.generation.decoding import GREEDY, Setting, greedy_draws
from reset.generation.engines import Answer, openai_engine, vllm_engine
from tests.pipeline.test_bad_input import full_disk
from tests.support.random_model import SETTINGS, requests, save_model

MIXED = [GREEDY, Setting(0.8), Setting(1.0, 10)]
ROOT = Path(__file__).parents[2]


class Clock:
    """An engine without a model: three prompts a batch, each answer tells what was asked."""

    calls = longest = 0

    def __init__(self, *_):
        pass

    def plan(self, asked):
        return [asked[i : i + 3] for i in range(0, len(asked), 3)]

    def run(self, batches):
        for batch in batches:
            Clock.calls += 1
            yield [
                (r, [Answer(f"{r.prompt}/{d.seed}\u2028", d.sample, "eos") for d in r.draws])
                for r in batch
            ]


@pytest.fixture
def clock(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engines, "load", Clock)
    monkeypatch.setattr(Clock, "calls", 0)
    (tmp_path / "mtl_0").mkdir()
    (tmp_path / "mtl_0" / "weights").write_text("0")
    return tmp_path / "mtl_0"


def shard_files():
    return sorted(generate.WORK.glob("*/*.jsonl"))


def test_every_prompt_and_setting_has_one_row_in_the_order_asked(clock):
    asked = requests(10, MIXED)
    rows = generate.generate(clock, asked, SETTINGS, 12)
    assert [(row["id"], row["sample"]) for row in rows] == [
        (r.id, i) for r in asked for i in range(3)
    ]
    assert rows[4] == {
        "id": "toy:1", "sample": 1, "setting": {"temperature": 0.8, "top_k": None},
        "text": f"{asked[1].prompt}/{asked[1].draws[1].seed}\u2028", "tokens": 1, "finish": "eos",
    }  # fmt: skip


def test_a_second_run_computes_nothing(clock, monkeypatch):
    rows = generate.generate(clock, requests(10, MIXED), SETTINGS, 12)
    monkeypatch.setattr(engines, "load", None)  # not even an engine is made
    assert (
        generate.generate(
            clock, requests(10, MIXED), replace(SETTINGS, batch_tokens=7, workers=2), 12
        )
        == rows
    )


def test_the_order_of_prompts_does_not_change_the_key(clock):
    asked = requests(10, MIXED)
    assert generate.key(clock, asked[::-1], SETTINGS, 12) == generate.key(
        clock, asked, SETTINGS, 12
    )


def test_whatever_the_answers_depend_on_changes_the_key(clock):
    asked = requests(4, MIXED)
    key = generate.key(clock, asked, SETTINGS, 12)
    draw = asked[0].draws[1]
    changed = [
        (asked[:3], SETTINGS, 12),
        ([replace(asked[0], prompt="other"), *asked[1:]], SETTINGS, 12),
        ([replace(asked[0], draws=(replace(draw, seed=7),)), *asked[1:]], SETTINGS, 12),
        (
            [replace(asked[0], draws=(replace(draw, setting=Setting(0.9)),)), *asked[1:]],
            SETTINGS,
            12,
        ),
        (asked, SETTINGS, 13),
    ]
    keys = [generate.key(clock, *given) for given in changed]
    (clock / "weights").write_text("1")
    keys.append(generate.key(clock, asked, SETTINGS, 12))
    assert len({key, *keys}) == len(keys) + 1


VLLM = {"tensor_parallel": 1, "memory": 0.9, "request_seeds": True, "enforce_eager": False}
OPENAI = {"base_urls": ["http://a"], "api_key_env": "A", "concurrency": 1, "request_seeds": True}
OPENAI |= {"timeout": 1.0, "retries": 0}
COUNTS = {
    "engine",
    "precision",
    "request_seeds",
}  # every other setting changes the speed, or rounding, alone
OTHER = {
    "precision": "bf16", "batch_tokens": 7, "workers": 2,
    "tensor_parallel": 2, "memory": 0.5, "request_seeds": False, "enforce_eager": True,
    "base_urls": ["http://b"], "api_key_env": "B", "concurrency": 2, "timeout": 2.0, "retries": 1,
}  # fmt: skip


def test_the_key_holds_every_setting_that_answers_depend_on_and_no_other(clock):
    asked = requests(4, MIXED)
    keys = {}
    for name, options in (
        ("transformers", {}),
        ("vllm", {"vllm": VLLM}),
        ("openai", {"openai": OPENAI}),
    ):
        base = replace(SETTINGS, engine=name, **options)
        keys[name] = generate.key(clock, asked, base, 12)
        own = options.get(name, {})
        for field in {*vars(SETTINGS), *own} - {"engine", "vllm", "openai"}:
            if field in own:
                changed = replace(base, **{name: own | {field: OTHER[field]}})
            else:
                changed = replace(base, **{field: OTHER[field]})
            assert (generate.key(clock, asked, changed, 12) != keys[name]) == (field in COUNTS), (
                name,
                field,
            )
    assert len(set(keys.values())) == 3
    assert set(VLLM) == set(vllm_engine.VllmOptions.__annotations__)
    assert set(OPENAI) == set(openai_engine.OpenAIEngineOptions.__annotations__)


def test_answers_of_other_code_are_computed_again(clock, monkeypatch, tmp_path):
    asked = requests(4, MIXED)
    key = generate.key(clock, asked, SETTINGS, 12)
    (tmp_path / "generation/engines").mkdir(parents=True)
    (tmp_path / "generation/engines/token_sampler.py").write_text("# mended")
    monkeypatch.setattr(generate, "SOURCE", tmp_path)
    assert generate.key(clock, asked, SETTINGS, 12) != key


def test_greedy_predictions_of_one_model_are_shared_by_all_seeds(clock):
    asked = [replace(request, draws=greedy_draws()) for request in requests(9, MIXED)]
    generate.generate(clock, asked, SETTINGS, 12)
    generate.generate(clock, asked, SETTINGS, 12)
    assert Clock.calls == 3 and len(shard_files()) == 1


def test_a_torn_or_missing_line_is_computed_again_and_nothing_else(clock):
    asked = requests(12, MIXED)
    rows = generate.generate(clock, asked, SETTINGS, 12)
    (shard,) = shard_files()
    whole = shard.read_bytes()
    for cut in (1, 40, len(whole.splitlines()[-1]) + 1):
        shard.write_bytes(whole[:-cut])
        Clock.calls = 0
        assert generate.generate(clock, asked, SETTINGS, 12) == rows
        assert Clock.calls == 1
        for other in set(shard_files()) - {shard}:
            other.unlink()


def test_a_prompt_answered_twice_has_one_row(clock):
    asked = requests(6, MIXED)
    rows = generate.generate(clock, asked, SETTINGS, 12)
    (shard,) = shard_files()
    shard.with_name("zz.jsonl").write_bytes(shard.read_bytes())  # two runs beside each other
    assert generate.generate(clock, asked, SETTINGS, 12) == rows


# ---- the real engine, killed
# ---------------------------------------------------------------------------------------


def run_killed(work, model, asked, settings):
    generate.WORK = work
    generate.generate(model, asked, settings, 12)


def lines():
    return sum(shard.read_bytes().count(b"\n") for shard in shard_files())


@pytest.mark.integration
def test_five_kills_lose_no_answer_and_change_none(tmp_path, monkeypatch):
    model = save_model(tmp_path / "mtl_0")
    monkeypatch.chdir(tmp_path)
    asked, settings = requests(150, MIXED), replace(SETTINGS, batch_tokens=150)
    expected = generate.generate(model, asked, settings, 12)
    batches = lines()
    monkeypatch.setattr(generate, "WORK", tmp_path / "again")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(
        ["reset.generation.engines.transformers_engine"]
    )  # torch is imported once for the five runs
    rng, kills = random.Random(0), 0
    while kills < 5:
        before, more = lines(), rng.randint(1, batches // 8)
        process = server.Process(target=run_killed, args=(generate.WORK, model, asked, settings))
        process.start()
        while process.is_alive() and lines() < before + more:
            process.join(rng.random() * 0.01)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        kills += 1
    assert 5 <= lines() < batches
    done = lines()
    assert generate.generate(model, asked, settings, 12) == expected
    assert lines() == batches and done > 0


def test_a_full_disk_is_one_line_that_says_what_is_kept_and_the_next_run_takes_it_up(
    tmp_path, monkeypatch
):
    model = save_model(tmp_path / "mtl_0")
    monkeypatch.chdir(tmp_path)
    asked, settings = requests(60, MIXED), replace(SETTINGS, batch_tokens=150)
    expected = generate.generate(model, asked, settings, 12)
    (whole,) = shard_files()
    size, batches = whole.stat().st_size, lines()
    monkeypatch.setattr(generate, "WORK", tmp_path / "again")
    with full_disk(size // 2), pytest.raises(InputError) as stopped:
        generate.generate(model, asked, settings, 12)
    (folder,) = generate.WORK.iterdir()
    kept = len(generate.finished(folder))
    assert 0 < kept < 60 and 0 < lines() < batches
    said = f"cannot be written (File too large); answers to {kept} prompts are kept in {folder}:"
    assert str(stopped.value).startswith(f"{folder}: {said}")
    assert generate.generate(model, asked, settings, 12) == expected
    assert lines() == batches


def test_a_refusal_elsewhere_is_not_one_of_the_shards(clock, monkeypatch):
    """Engines write too: vLLM keeps what it compiled in the user's cache."""

    def fail(self, batches):
        raise PermissionError(errno.EACCES, "Permission denied", "/root/.cache/vllm")
        yield

    monkeypatch.setattr(Clock, "run", fail)
    said = r"^/root/.cache/vllm: cannot be written \(Permission denied\); .* kept in .work"
    with pytest.raises(InputError, match=said):
        generate.generate(clock, requests(3, MIXED), SETTINGS, 12)


def test_an_error_of_another_kind_stays_what_it_is(clock, monkeypatch):
    def fail(self, batches):
        raise ConnectionResetError("gone")

    monkeypatch.setattr(Clock, "run", fail)
    with pytest.raises(ConnectionResetError):
        generate.generate(clock, requests(3, MIXED), SETTINGS, 12)


@pytest.mark.integration
def test_a_lost_worker_is_reported_and_its_prompts_are_taken_up(tmp_path, monkeypatch):
    model = save_model(tmp_path / "mtl_0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    asked, settings = requests(150, MIXED), replace(SETTINGS, batch_tokens=150)
    expected = generate.generate(model, asked, settings, 12)
    monkeypatch.setattr(generate, "WORK", tmp_path / "again")

    def kill_one():
        while not finished.wait(0.005):
            if lines() and (children := multiprocessing.active_children()):
                os.kill(children[0].pid, signal.SIGKILL)
                return

    finished = threading.Event()
    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    try:
        with pytest.raises(
            InputError, match=r"worker \d ended with -9; \d+ of 150 prompts are left: run again"
        ):
            generate.generate(model, asked, replace(settings, workers=3), 12)
    finally:
        finished.set()
    left = 150 - len(generate.finished(next(generate.WORK.iterdir())))
    assert 0 < left < 150
    assert generate.generate(model, asked, replace(settings, workers=2), 12) == expected
    ids = [id for shard in shard_files() for line in shard.open() for id, _ in json.loads(line)]
    assert sorted(ids) == sorted(
        request.id for request in asked
    )  # two and three workers: each prompt once


def start(*arguments, **environment):
    command = [sys.executable, "-m", "tests.support.two_workers", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **environment}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


@pytest.mark.integration
def test_what_all_workers_refuse_is_one_sentence_without_a_traceback(tmp_path, monkeypatch):
    """A vLLM of another version, which only the workers import."""
    model = save_model(tmp_path / "mtl_0")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vllm").mkdir()
    (tmp_path / "vllm/__init__.py").write_text("__version__ = '0.31.1'")
    (tmp_path / "vllm/platforms.py").write_text("current_platform = None")
    process = start(model, "vllm", PYTHONPATH=f"{ROOT / 'src'}:{ROOT}:{tmp_path}")
    _, said = process.communicate(timeout=300)
    (error,) = [
        line for line in re.split("[\r\n]+", said) if line and not line.startswith("mtl_0: ")
    ]  # the bar
    assert process.returncode == 1
    assert error.startswith("error: vllm 0.31.1 is installed, expected 0.32 or later:")
    assert error.count("0.31.1") == 1 and "run again" not in error


@pytest.mark.integration
def test_workers_end_with_a_killed_stage_in_the_middle_of_a_batch(tmp_path, monkeypatch):
    model = save_model(tmp_path / "mtl_0")
    monkeypatch.chdir(tmp_path)
    process = start(model, "stuck")
    try:
        assert [process.stdout.readline() for _ in range(2)] == ["busy\n"] * 2, (
            process.stderr.read()
        )
        process.kill()
        process.communicate(timeout=120)  # returns when nobody is left who could write there
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "visible, workers, shares",
    [
        ("0,1,2,3,4,5,6,7", 8, ["0", "1", "2", "3", "4", "5", "6", "7"]),
        ("0,1,2,3,4,5,6,7", 4, ["0,1", "2,3", "4,5", "6,7"]),
        ("0,1,2,3", 8, ["0", "1", "2", "3", "0", "1", "2", "3"]),
        ("0,1", 3, ["0", "1", "0"]),
        ("0,1,2", 2, ["0", "1"]),
        ("4,5", 2, ["4", "5"]),
        ("4,5", 1, ["4,5"]),
    ],
)
def test_each_worker_has_devices_of_its_own_while_there_are_enough(visible, workers, shares):
    assert [
        ",".join(generate.share(visible.split(","), rank, workers)) for rank in range(workers)
    ] == shares

"""The store of paid replies: nothing lost, nothing asked twice, money booked before it is spent."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reset.core.errors import InputError
from reset.judges.instruction.reply_store import Reply, Store, location

ANSWER = Reply("Fine.\nRating: 7", "stop", 100, 10, 0.25, 0.2)
SOURCE = str(Path(__file__).parents[3] / "src")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "work" / "judge.sqlite"


def put(store, key, answer=ANSWER):
    store.put(key, answer, "m", 0, "stage", 400)


def test_a_stored_reply_comes_back_as_it_was_also_in_another_process(path):
    with Store(path) as store:
        assert store.get("k") is None
        put(store, "k")
    with Store(path) as store:
        assert store.get("k") == ANSWER


def test_a_reply_is_safe_from_kill_9_once_put_returns(path):
    code = (
        "import os, sys; from reset.judges.instruction.reply_store import Reply, Store; s ="
        " Store(sys.argv[1]);s.put('k', Reply('t', 'stop', 1, 1, 0.0, 0.0), 'm', 0, 's', 4);"
        " os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env={**os.environ, "PYTHONPATH": SOURCE}
    )
    assert done.returncode == -9
    with Store(path) as store:
        assert store.get("k").text == "t"


def test_writes_ahead(path):
    Store(path).close()
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_claim_keeps_others_out_until_it_is_settled(path):
    with Store(path) as store, Store(path) as other:
        assert store.claim("k", 0.5, 1, 60) == "mine"
        assert other.claim("k", 0.5, 1, 60) == "busy"
        put(store, "k")
        assert other.claim("k", 0.5, 1, 60) == "answered"


def test_a_released_claim_can_be_taken_again(path):
    with Store(path) as store:
        store.claim("k", 0.5, 1, 60)
        store.release("k", paid=False)
        assert store.booked() == 0
        assert store.claim("k", 0.5, 1, 60) == "mine"


def test_an_expired_claim_is_taken_over_and_counts_as_lost(path):
    with Store(path) as store:
        store.claim("k", 0.5, 2, -1)
        assert store.claim("k", 0.5, 2, 60) == "mine"
        assert store.booked() == 1.0
        assert store.usage()["lost_calls"] == 1
        assert store.usage()["lost_usd_at_most"] == 0.5


def test_the_claim_of_a_dead_process_is_taken_over_at_once(path):
    code = (
        "import sys; from reset.judges.instruction.reply_store import Store;"
        " print(Store(sys.argv[1]).claim('k', 0.5, 2, 999))"
    )
    env = {**os.environ, "PYTHONPATH": SOURCE}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env=env, capture_output=True, text=True
    )
    assert done.stdout.strip() == "mine"
    with Store(path) as store:
        assert store.claim("k", 0.5, 2, 60) == "mine"
        assert store.usage()["lost_calls"] == 1


def test_the_claim_of_a_killed_process_that_nobody_reaped_is_taken_over_too(path):
    code = (
        "import sys; from reset.judges.instruction.reply_store import Store;"
        " print(Store(sys.argv[1]).claim('k', 0, 2, 999)); input()"
    )
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    command = [sys.executable, "-c", code, str(path)]
    with (
        subprocess.Popen(command, env=environment, stdin=-1, stdout=-1, text=True) as process,
        Store(path) as store,
    ):
        assert process.stdout.readline().strip() == "mine"
        assert store.claim("k", 0, 2, 60) == "busy"
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and left a zombie
        assert store.claim("k", 0, 2, 60) == "mine"


def test_the_highest_price_is_booked_first_and_the_real_one_after(path):
    with Store(path) as store:
        store.claim("k", 0.5, 1, 60)
        assert store.booked() == 0.5
        put(store, "k")
        assert store.booked() == 0.25


def test_a_call_that_could_exceed_the_budget_is_not_allowed(path):
    with Store(path) as store, Store(path) as other:
        assert store.claim("a", 0.6, 1, 60) == "mine"
        assert other.claim("b", 0.6, 1, 60) == "no budget"
        put(store, "a")
        assert other.claim("b", 0.6, 1, 60) == "mine"


def test_a_free_call_needs_no_budget(path):
    with Store(path) as store:
        assert store.claim("a", 0.0, 0, 60) == "mine"


def test_a_call_that_was_perhaps_billed_stays_booked(path):
    with Store(path) as store:
        store.claim("k", 0.5, 1, 60)
        store.release("k", paid=True)
        assert store.booked() == 0.5
        assert store.get("k") is None


def test_a_second_reply_does_not_replace_the_first_but_its_price_counts(path):
    with Store(path) as store:
        put(store, "k")
        put(store, "k", Reply("other", "stop", 1, 1, 0.5, 0.1))
        assert store.get("k") == ANSWER
        assert store.booked() == 0.75
        assert store.usage()["lost_calls"] == 1


def test_usage_is_counted_by_stage_and_model(path):
    with Store(path) as store:
        put(store, "a")
        put(store, "b")
        used = store.usage()
    assert (used["calls"], used["prompt_tokens"], used["usd"]) == (2, 200, 0.5)
    assert used["stages"] == [
        {
            "stage": "stage",
            "model": "m",
            "calls": 2,
            "prompt_tokens": 200,
            "completion_tokens": 20,
            "usd": 0.5,
        }
    ]


def test_many_threads_with_stores_of_their_own_get_each_claim_once(path):
    Store(path).close()
    mine: list[str] = []

    def work():
        with Store(path) as store:
            for number in range(50):
                if store.claim(str(number), 0.01, 100, 60) == "mine":
                    mine.append(str(number))
                    put(store, str(number))

    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(mine) == sorted(map(str, range(50)))
    with Store(path) as store:
        assert store.booked() == pytest.approx(50 * 0.25)


def test_a_store_that_another_process_makes_at_the_same_time_is_waited_for(path):
    path.parent.mkdir()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.2, other.rollback)
    timer.start()
    with Store(path) as store:
        assert store.claim("k", 0.5, 1, 60) == "mine"
    timer.join()


def test_queued_experiments_share_the_store_of_their_workspace(tmp_path, monkeypatch):
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "tmpabc"
    copy.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert location() == tmp_path / ".work" / "judge.sqlite"
    monkeypatch.chdir(copy)
    assert location() == tmp_path / ".work" / "judge.sqlite"


def test_a_file_that_is_no_store_is_named(tmp_path):
    (tmp_path / "judge.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(InputError, match="judge.sqlite: not a usable judge store"):
        Store(tmp_path / "judge.sqlite")


def test_a_store_of_another_version_is_refused(path):
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(InputError, match="version 99"):
        Store(path)

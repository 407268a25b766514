"""The Batch API against a server on loopback that keeps files and batches as OpenAI does."""

import asyncio
import json
import sqlite3
from dataclasses import replace
from types import SimpleNamespace

import pytest

from reset.core.errors import InputError
from reset.judges.instruction import batch_api, llm
from reset.judges.instruction import client as judge_client
from reset.judges.instruction.reply_store import Store
from tests.support.batch_provider import Provider
from tests.support.fault_server import ENDPOINT, GOOD, FaultServer, Reply, free_port

PORT = free_port()  # one for all runs: the address is part of the store's keys
JUDGE = replace(ENDPOINT, base_url=f"http://127.0.0.1:{PORT}/v1", batch_api=True, retries=0)
PROMPTS = [f"prompt {number}" for number in range(5)]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(batch_api, "POLL", 0.01)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "judge.sqlite") as store:
        yield store


def ask(provider, store, prompts=PROMPTS, allowed=0, stop_after=None, **changes):
    async def run(settings):
        async with judge_client.client(settings) as client:
            batches = batch_api.Batches(settings, store, "stage", allowed, client)
            if stop_after is not None:
                asyncio.get_running_loop().call_later(stop_after, batches.stop, "interrupted")
            return await batches.run(prompts)

    with FaultServer(routes=provider.routes(), port=PORT):
        return asyncio.run(run(replace(JUDGE, **changes)))


def texts(store, prompts=PROMPTS, **changes):
    settings = replace(JUDGE, **changes)
    return [
        [reply.text for reply in llm.stored_replies(prompt, settings, store)[0]]
        for prompt in prompts
    ]


def test_all_calls_go_in_one_batch_and_each_reply_to_its_own_prompt_at_half_price(store):
    provider = Provider(lambda prompt, before: Reply(f"{prompt}\nRating: 7"))
    assert ask(provider, store) == {}
    assert len(provider.batches) == 1 and sorted(provider.calls) == PROMPTS
    assert texts(store) == [[f"{prompt}\nRating: 7"] for prompt in PROMPTS]
    assert store.usage()["usd"] == pytest.approx(5 * (2 * 1.0 + 4 * 2.0) / 1e6 / 2)
    assert store.booked() == pytest.approx(store.usage()["usd"])
    assert store.open_batches("stage") == []


def test_a_reply_may_hold_any_end_of_a_line(store):
    text = "It quotes a\u2028line,\x85a\x0cpage\r\nand\x1emore.\nRating: 7"
    assert ask(Provider(lambda prompt, before: Reply(text)), store) == {}
    assert texts(store) == [[text]] * 5


@pytest.mark.parametrize("bad", ['{"custom_id": "x', '["custom_id"]', "{}", "null"])
def test_a_line_that_is_no_result_is_named_and_the_batch_stays_to_be_collected(store, bad):
    provider = Provider()
    finish = provider.finish

    def damage(batch):
        finish(batch)
        good = provider.files["file-1"]
        provider.files["file-1"] = good.replace("\n", f"\n\n{bad}\n", 1)

    provider.finish = damage
    with pytest.raises(
        InputError,
        match="the provider's file file-1, line 3: expected a JSON object with the custom_id",
    ):
        ask(provider, store)
    assert texts(store) == [[]] * 5 and store.open_batches("stage")
    provider.files["file-1"] = provider.files["file-1"].replace(f"{bad}\n", "")
    assert ask(provider, store) == {}
    assert texts(store) == [[GOOD]] * 5 and len(provider.batches) == 1


def test_online_and_batch_replies_are_the_same_to_the_store(store):
    ask(Provider(), store)
    provider = Provider()
    ask(provider, store)
    assert provider.calls == []
    assert llm.stored_replies(PROMPTS[0], replace(JUDGE, batch_api=False), store)[1] is None


def test_replies_without_rating_go_into_a_second_batch(store):
    provider = Provider()
    provider.behaviour = lambda prompt, before: (
        Reply() if len(provider.batches) == 2 else Reply("hm")
    )
    ask(provider, store)
    assert len(provider.batches) == 2
    assert texts(store) == [["hm", GOOD]] * 5


def test_repeats_go_into_the_same_batch(store):
    provider = Provider()
    ask(provider, store, repeats=3)
    assert len(provider.batches) == 1 and len(provider.calls) == 15


def test_a_run_that_was_stopped_is_collected_by_the_next_one_and_nothing_is_sent_twice(store):
    provider = Provider(looks=10_000)
    with pytest.raises(InputError, match="interrupted; batches under way go on"):
        ask(provider, store, stop_after=0.3)
    provider.looks = 0
    ask(provider, store)
    assert len(provider.batches) == 1
    assert texts(store) == [[GOOD]] * 5


def test_a_batch_whose_id_was_never_written_down_is_found_at_the_provider(store):
    provider = Provider(looks=10_000)
    with pytest.raises(InputError):
        ask(provider, store, stop_after=0.3)
    (id,) = store.open_batches("stage")
    store._db.execute("DELETE FROM batches")
    provider.looks = 0
    ask(provider, store)
    assert list(provider.batches) == [id]
    assert texts(store) == [[GOOD]] * 5


def test_what_an_expired_batch_did_not_do_is_sent_again(store):
    provider = Provider(status="expired")
    provider.behaviour = lambda prompt, before: (
        None if prompt == PROMPTS[2] and len(provider.batches) == 1 else Reply()
    )
    assert ask(provider, store) == {}
    assert len(provider.batches) == 2
    assert sorted(provider.calls) == sorted([*PROMPTS, PROMPTS[2]])
    assert store.usage()["lost_calls"] == 0


def test_a_refused_line_is_null_with_its_reason_and_the_others_are_kept(store):
    refusal = Reply(status=400, error={"message": "too long", "code": "context_length_exceeded"})
    provider = Provider(lambda prompt, before: refusal if prompt == PROMPTS[1] else Reply())
    assert ask(provider, store, allowed=1) == {PROMPTS[1]: "batch: too long"}
    assert len([replies for replies in texts(store) if replies]) == 4


@pytest.mark.parametrize(
    "bad, said",
    [
        (Reply(finish="error"), "malformed reply (finish_reason error instead of stop or length)"),
        (Reply(""), "malformed reply (no text)"),
        (Reply("", finish="length"), "malformed reply (no text within 512 tokens: raise max_token"),
    ],
)
def test_a_reply_without_an_answer_is_not_stored_stays_booked_and_is_asked_for_again(
    store, bad, said
):
    provider = Provider(lambda prompt, before: bad if prompt == PROMPTS[1] else Reply())
    failures = ask(provider, store, allowed=1)
    assert failures[PROMPTS[1]].startswith(f"batch: {said}")
    assert [len(replies) for replies in texts(store)] == [1, 0, 1, 1, 1]
    assert store.usage()["lost_calls"] == 1
    provider.behaviour = lambda prompt, before: Reply()
    assert ask(provider, store) == {} and texts(store) == [[GOOD]] * 5


def test_a_key_that_the_provider_repeats_is_in_no_reason(store, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-1234")
    refusal = Reply(status=400, error={"message": "not for sk-very-secret-1234"})
    provider = Provider(lambda prompt, before: refusal if prompt == PROMPTS[1] else Reply())
    assert ask(provider, store, allowed=1) == {PROMPTS[1]: "batch: not for [OPENAI_API_KEY]"}


def test_a_store_without_room_stops_the_run_with_one_line(store, monkeypatch):
    def refuse(self, *row):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Store, "put", refuse)
    with pytest.raises(InputError, match=r"store of replies cannot be used \(database or disk is"):
        ask(Provider(), store)


def test_more_refused_lines_than_allowed_stop_the_run(store):
    provider = Provider(lambda prompt, before: Reply(status=500))
    with pytest.raises(InputError, match="5 answers have no rating, more than judges.max_missing"):
        ask(provider, store)


def test_calls_that_all_failed_are_sent_again_by_the_next_run(store):
    provider = Provider(lambda prompt, before: Reply(status=429))
    with pytest.raises(InputError, match="5 answers have no rating"):
        ask(provider, store)
    provider.behaviour = lambda prompt, before: Reply()
    assert ask(provider, store) == {} and len(provider.batches) == 2
    assert texts(store) == [[GOOD]] * 5


def test_a_batch_that_the_key_does_not_reach_is_named_and_stays_to_be_collected(store):
    provider = Provider(looks=10_000)
    with pytest.raises(InputError):
        ask(provider, store, stop_after=0.3)
    with pytest.raises(InputError, match="batch batch_0 or its results are not there for this key"):
        ask(Provider(), store)
    assert store.open_batches("stage") == ["batch_0"] and not store.collected("batch_0")
    provider.looks = 0
    assert ask(provider, store) == {} and texts(store) == [[GOOD]] * 5


def test_a_batch_that_two_runs_collect_is_booked_once(store):
    provider = Provider()
    ask(provider, store)
    booked = store.booked()
    row = json.loads(provider.files["file-1"].splitlines()[0])
    batch_api.Batches(JUDGE, store, "stage", 0, SimpleNamespace(with_options=dict))._keep(row, {})
    assert store.booked() == pytest.approx(booked) and store.usage()["lost_calls"] == 0


def test_a_failed_batch_stops_with_its_status_and_books_nothing(store):
    with pytest.raises(InputError, match="batch batch_0 was failed"):
        ask(Provider(lambda prompt, before: None, status="failed"), store)
    assert store.booked() == 0
    assert store.open_batches("stage") == []


def test_a_batch_beyond_the_budget_is_not_sent(store):
    provider = Provider()
    with pytest.raises(InputError, match="budget is used up"):
        ask(provider, store, budget_usd=0.001)
    assert provider.batches == {} and store.booked() == 0


@pytest.mark.parametrize("status, message", [(401, "key is refused"), (500, "HTTP 500")])
def test_a_refusal_to_create_frees_the_calls(store, status, message):
    provider = Provider()
    provider.refuse_create = status
    with pytest.raises(InputError, match=message):
        ask(provider, store)
    assert store.booked() == 0
    provider.refuse_create = None
    ask(provider, store)
    assert texts(store) == [[GOOD]] * 5


def test_another_stages_batch_with_the_same_texts_is_waited_for(store):
    for prompt in PROMPTS[:4]:
        store.claim(llm.key(JUDGE, prompt, 0), 0.001, 1, 999)
    store.add_batch("theirs", "other stage", [llm.key(JUDGE, prompt, 0) for prompt in PROMPTS[:4]])
    provider = Provider()
    with pytest.raises(InputError, match="interrupted"):
        ask(provider, store, stop_after=0.5)
    assert provider.calls == [PROMPTS[4]]


def test_batches_are_cut_by_number_and_size(monkeypatch):
    calls = [batch_api.Call(f"k{number}", "x" * 100, 0) for number in range(10)]
    monkeypatch.setattr(batch_api, "MOST_CALLS", 4)
    assert [len(part) for part in batch_api.parts(calls, JUDGE)] == [4, 4, 2]
    monkeypatch.setattr(batch_api, "MOST_BYTES", 2 * len(batch_api.line(calls[0], JUDGE)))
    assert [len(part) for part in batch_api.parts(calls, JUDGE)] == [2, 2, 2, 2, 2]
    assert list(batch_api.parts([], JUDGE)) == []

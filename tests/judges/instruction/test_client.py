"""Asking a server that misbehaves in every way we know: bounded retries, nothing lost, nothing
asked twice.
"""

import asyncio
import collections
import json
import re
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from reset.core.errors import InputError
from reset.judges.instruction import client as judge_client
from reset.judges.instruction import llm, retry_policy
from reset.judges.instruction.reply_store import Store
from tests.pipeline.test_bad_input import full_disk
from tests.support.fault_server import ENDPOINT, GOOD, FaultServer, Reply

PROMPTS = [f"prompt {number}" for number in range(20)]
ASKED: dict[Path, str] = {}  # store -> the server that filled it, which is part of its keys


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(judge_client, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(judge_client, "OTHER_PROCESS", 0.02)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "judge.sqlite"


def ask(server, path, prompts=PROMPTS, allowed=0, **changes):
    settings = replace(ENDPOINT, base_url=server.url, **{"timeout": 10.0, **changes})
    ASKED[path] = server.url

    async def run():
        async with judge_client.client(settings) as client:
            return await judge_client.JudgeClient(settings, store, "stage", allowed, client).run(
                prompts
            )

    with Store(path) as store:
        return asyncio.run(run())


def stored(path, prompts=PROMPTS, **changes):
    settings = replace(ENDPOINT, base_url=ASKED[path], **changes)
    with Store(path) as store:
        return [llm.stored_replies(prompt, settings, store)[0] for prompt in prompts]


def texts(path, prompts=PROMPTS, **changes):
    return [[reply.text for reply in replies] for replies in stored(path, prompts, **changes)]


def test_every_prompt_is_asked_once_and_stored_with_its_usage(path):
    with FaultServer() as server:
        assert ask(server, path) == {}
    assert server.asked == collections.Counter(PROMPTS)
    assert texts(path) == [[GOOD]] * 20
    reply = stored(path)[0][0]
    assert (reply.finish, reply.prompt_tokens, reply.completion_tokens) == ("stop", 2, 7)
    assert reply.usd == pytest.approx((2 * 1.0 + 7 * 2.0) / 1e6)


def test_the_request_holds_the_settings_of_the_paper_and_no_seed(path):
    with FaultServer() as server:
        ask(server, path, PROMPTS[:1], extra_body={"structured_outputs": {"regex": "x"}})
    body = server.bodies[0]
    assert body == {
        "model": "judge-2026-01-01",
        "messages": [{"role": "user", "content": "prompt 0"}],
        "temperature": 0.0,
        "max_tokens": 512,
        "structured_outputs": {"regex": "x"},
    }


def test_a_second_run_asks_nothing(path):
    with FaultServer() as server:
        ask(server, path)
        ask(server, path)
    assert sum(server.asked.values()) == 20


def test_at_most_so_many_calls_are_under_way(path):
    with FaultServer(lambda prompt, before: Reply(wait=0.02)) as server:
        ask(server, path, concurrency=4)
    assert server.most_at_once == 4


def answer(content, finish, **message):
    """The bytes of a chat completion with this content and end."""
    choice = {"message": {"content": content, **message}, "finish_reason": finish}
    return json.dumps({"choices": [choice]}).encode()


PASSING = {
    "429 with Retry-After": Reply(status=429, headers={"Retry-After": "0.02"}),
    "429 without": Reply(status=429),
    "500": Reply(status=500),
    "503 with a date": Reply(status=503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
    "half an answer": Reply(half=True),
    "truncated JSON": Reply(body=b'{"choices": [{"mess'),
    "other JSON": Reply(body=b'{"ok": true}'),
    "no JSON object": Reply(body=b"[1, 2]"),
    "null": Reply(body=b"null"),
    "not UTF-8": Reply(body=b'{"a": "\xff"}'),
    "HTML": Reply(body=b"<html>busy</html>", headers={"Content-Type": "text/html"}),
    "no finish": Reply(body=answer(GOOD, None)),
    "failed at the provider": Reply(finish="error"),
    "an end that nobody knows": Reply(finish="tool_calls"),
    "an error in its place": Reply(body=b'{"error": {"code": 502, "message": "upstream"}}'),
    "an error beside no choice": Reply(body=b'{"choices": [], "error": "overloaded"}'),
    "an error in the choice": Reply(
        body=b'{"choices": [{"error": {"message": "cut"}, "finish_reason": "stop", "message": {}}]}'
    ),
    "empty content": Reply(""),
    "content null": Reply(None),
    "blank content": Reply(" \n "),
    "reasoning alone": Reply(
        body=answer(None, "stop", reasoning_content="Rating: 7", reasoning="Rating: 7")
    ),
    "a refusal": Reply(body=answer(None, "stop", refusal="I will not rate that.")),
    "content of another kind": Reply(body=answer(7, "stop")),
    "parts without text": Reply(body=answer([{"type": "image_url"}, "x"], "stop")),
    "nested deeply": Reply(body=b'{"a":' * 200_000 + b"1" + b"}" * 200_000),
    "nested deeply, as text": Reply(body=b"[" * 200_000, headers={"Content-Type": "text/plain"}),
    "a number of 5,000 digits": Reply(body=b'{"usage": ' + b"9" * 5000 + b"}"),
    "hang": Reply(wait=5.0),
    "slow drip": Reply(drip=0.05),
}


SLOW = ("hang", "slow drip")


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_fault_is_tried_again_and_never_stored(path, name):
    with FaultServer(lambda prompt, before: Reply() if before else PASSING[name]) as server:
        assert ask(server, path, PROMPTS[:3], timeout=0.5 if name in SLOW else 10.0) == {}
    assert set(server.asked.values()) == {2} or name in SLOW
    assert min(server.asked.values()) >= 2
    assert texts(path, PROMPTS[:3]) == [[GOOD]] * 3


@pytest.mark.parametrize("name", PASSING)
def test_a_lasting_fault_is_tried_a_bounded_number_of_times_and_then_null(path, name):
    with FaultServer(lambda prompt, before: PASSING[name]) as server:
        failures = ask(
            server, path, PROMPTS[:2], allowed=2, retries=2, timeout=0.3 if name in SLOW else 10.0
        )
    assert set(failures) == set(PROMPTS[:2])
    assert all(reason.startswith("no reply after 3 tries: ") for reason in failures.values())
    assert set(server.asked.values()) == {3} or name in SLOW
    assert max(server.asked.values()) <= 3
    assert texts(path, PROMPTS[:2]) == [[], []]


def test_a_dropped_connection_may_have_been_billed_and_stays_booked_but_a_500_does_not(path):
    with FaultServer(lambda prompt, before: Reply(half=True)) as server:
        ask(server, path, PROMPTS[:1], allowed=1, retries=1)
        with Store(path) as store:
            assert store.usage()["lost_calls"] == 2
            booked = store.booked()
            assert booked > 0
        server.behaviour = lambda prompt, before: Reply(status=500)
        ask(server, path, PROMPTS[:1], allowed=1, retries=1)
    with Store(path) as store:
        assert store.booked() == pytest.approx(booked)


def test_nobody_listening_is_bounded_too_and_costs_nothing(path):
    with FaultServer() as server:
        pass
    failures = ask(server, path, PROMPTS[:2], allowed=2, retries=2)
    assert set(failures.values()) == {"no reply after 3 tries: no connection"}
    with Store(path) as store:
        assert store.booked() == 0


def test_after_a_429_all_callers_wait_as_long_as_it_says(path):
    times = []

    def behaviour(prompt, before):
        times.append(time.monotonic())
        return (
            Reply(status=429, headers={"Retry-After": "0.4"})
            if len(times) == 1
            else Reply(wait=0.05)
        )

    with FaultServer(behaviour) as server:
        ask(server, path, PROMPTS[:6], concurrency=2)
    early = [moment for moment in times[1:] if moment - times[0] < 0.38]
    assert len(early) <= 1  # what was under way already


def test_a_storm_of_429s_is_waited_out_as_it_says_and_every_prompt_is_answered_once(path):
    begin = time.monotonic()
    times = []

    def behaviour(prompt, before):
        times.append(time.monotonic() - begin)
        return Reply() if times[-1] > 1.5 else Reply(status=429, headers={"Retry-After": "0.5"})

    with FaultServer(behaviour) as server:
        assert ask(server, path, concurrency=20, retries=6) == {}
        assert server.answered == collections.Counter(PROMPTS)
    assert max(server.asked.values()) <= 1 + 6
    assert texts(path) == [[GOOD]] * 20


def test_requests_a_minute_are_kept_at_any_concurrency(path):
    times = []

    def behaviour(prompt, before):
        times.append(time.monotonic())
        return Reply()

    with FaultServer(behaviour) as server:
        begin = time.monotonic()
        ask(server, path, PROMPTS[:6], concurrency=6, requests_per_minute=600)
    assert times[-1] - begin >= 5 * 60 / 600


FATAL = {
    "wrong key": (
        Reply(status=401, error={"message": "bad key", "code": "invalid_api_key"}),
        "key is refused",
    ),
    "forbidden": (Reply(status=403), "key is refused"),
    "unknown model": (
        Reply(status=404, error={"message": "no x", "code": "model_not_found"}),
        "model or the address",
    ),
    "unknown model as 400": (
        Reply(status=400, error={"message": "x", "code": "model_not_found"}),
        "model or the add",
    ),
    "no credit": (
        Reply(status=429, error={"message": "x", "code": "insufficient_quota"}),
        "no credit left",
    ),
    "come back tomorrow": (
        Reply(status=429, headers={"Retry-After": "86400"}),
        "come back in 86400 s",
    ),
}


@pytest.mark.parametrize("fault, message", FATAL.values(), ids=FATAL.keys())
def test_what_no_retry_can_fix_stops_at_once_and_keeps_what_is_there(path, fault, message):
    with FaultServer() as server:
        ask(server, path, PROMPTS[:5])
        server.behaviour = lambda prompt, before: fault
        with pytest.raises(InputError, match=message):
            ask(server, path, concurrency=4)
    assert sum(server.asked.values()) <= 5 + 4
    assert texts(path)[:5] == [[GOOD]] * 5


def test_a_refused_request_is_null_at_once_and_the_others_go_on(path):
    refusal = Reply(status=400, error={"message": "too long", "code": "context_length_exceeded"})
    with FaultServer(lambda prompt, before: refusal if prompt == "prompt 3" else Reply()) as server:
        failures = ask(server, path, allowed=1)
    assert failures == {"prompt 3": "HTTP 400: too long"}
    assert server.asked["prompt 3"] == 1
    assert len([replies for replies in texts(path) if replies]) == 19


def test_a_text_that_moderation_refuses_is_null_and_the_others_go_on(path):
    flagged = {"reasons": ["violence"], "flagged_input": "prompt 3"}
    error = {"code": 403, "message": "your input was flagged", "metadata": flagged}
    refusal = Reply(status=403, error=error)
    with FaultServer(lambda prompt, before: refusal if prompt == "prompt 3" else Reply()) as server:
        failures = ask(server, path, allowed=1)
    assert failures == {"prompt 3": "HTTP 403: your input was flagged"}
    assert sum(server.asked.values()) == len(PROMPTS)


def test_a_reply_without_rating_is_kept_and_asked_again_under_the_next_repeat(path):
    with FaultServer(lambda prompt, before: Reply() if before == 2 else Reply("hm")) as server:
        assert ask(server, path, PROMPTS[:2]) == {}
    assert texts(path, PROMPTS[:2]) == [["hm", "hm", GOOD]] * 2


def test_repeats_are_separate_calls(path):
    with FaultServer(lambda prompt, before: Reply(f"x\nRating: {before + 1}")) as server:
        ask(server, path, PROMPTS[:1], repeats=3)
    assert texts(path, PROMPTS[:1], repeats=3) == [[f"x\nRating: {n}" for n in (1, 2, 3)]]


def test_the_run_stops_when_more_answers_stay_unrated_than_the_stage_allows(path):
    with FaultServer(lambda prompt, before: Reply("no number")) as server:
        with pytest.raises(
            InputError, match="3 answers have no rating, more than judges.max_missing"
        ):
            ask(server, path, allowed=2, concurrency=1, parse_retries=0)
    assert sum(server.asked.values()) == 3


@pytest.mark.parametrize(
    "name, said",
    [
        ("failed at the provider", "finish_reason error instead of stop or length"),
        ("no finish", "finish_reason None"),
        ("an error in its place", "the server reports an error: upstream"),
        ("an error beside no choice", "the server reports an error: overloaded"),
        ("an error in the choice", "the server reports an error: cut"),
        ("empty content", "malformed reply (no text)"),
        ("a refusal", "no text, but 'I will not rate that.'"),
        ("a number of 5,000 digits", "no JSON that can be read"),
        ("429 without", "HTTP 429: told to fail"),
    ],
)
def test_the_reason_names_what_stood_in_the_answers_place(path, name, said):
    with FaultServer(lambda prompt, before: PASSING[name]) as server:
        failures = ask(server, path, PROMPTS[:1], allowed=1, retries=0)
    assert said in failures[PROMPTS[0]]


def test_a_reply_that_used_its_tokens_up_before_any_text_is_asked_once_and_not_stored(path):
    thought = Reply(body=answer("", "length", reasoning_content="Let me think"))
    with FaultServer(lambda prompt, before: thought) as server:
        failures = ask(server, path, PROMPTS[:1], allowed=1)
    assert failures == {PROMPTS[0]: "no text within 512 tokens: raise max_tokens"}
    assert server.asked[PROMPTS[0]] == 1 and texts(path, PROMPTS[:1]) == [[]]


def test_a_reply_that_the_providers_filter_stopped_is_asked_once_and_not_stored(path):
    filtered = Reply(None, finish="content_filter")
    with FaultServer(lambda prompt, before: filtered) as server:
        failures = ask(server, path, PROMPTS[:1], allowed=1)
    assert failures == {PROMPTS[0]: "the provider's content filter stopped the reply"}
    assert server.asked[PROMPTS[0]] == 1 and texts(path, PROMPTS[:1]) == [[]]


@pytest.mark.parametrize("finish", ["stop", "eos", "end_turn", "STOP"])
def test_content_in_parts_is_joined_and_every_good_end_is_stored(path, finish):
    parts = [
        {"type": "thinking", "thinking": "Rating: 1"},
        {"type": "text", "text": "Fine.\n"},
        {"type": "text", "text": "Rating: 7"},
    ]
    with FaultServer(lambda prompt, before: Reply(body=answer(parts, finish))) as server:
        ask(server, path, PROMPTS[:1])
    assert texts(path, PROMPTS[:1]) == [["Fine.\nRating: 7"]]


@pytest.mark.parametrize(
    "kind", ["Application/JSON", "APPLICATION/JSON; charset=utf-8", "text/plain", "text/html"]
)
def test_the_content_type_may_be_spelt_in_any_way(path, kind):
    with FaultServer(lambda prompt, before: Reply(headers={"Content-Type": kind})) as server:
        ask(server, path, PROMPTS[:2])
    assert server.asked == collections.Counter(PROMPTS[:2])
    assert texts(path, PROMPTS[:2]) == [[GOOD]] * 2


@pytest.mark.parametrize("count", [2**70, 2**40, -1, -(10**9), 1e300, 3.5, "12", None, True, []])
def test_an_impossible_usage_is_booked_by_estimate_and_never_frees_money(path, count):
    body = json.loads(answer(GOOD, "stop"))
    body["usage"] = {"prompt_tokens": count, "completion_tokens": count}
    with FaultServer(lambda prompt, before: Reply(body=json.dumps(body).encode())) as server:
        ask(server, path, PROMPTS[:3])
    reply = stored(path)[0][0]
    assert (reply.prompt_tokens, reply.completion_tokens) == (2, 9)
    with Store(path) as store:
        assert store.booked() == pytest.approx(3 * (2 + 2 * 9) / 1e6)


@pytest.mark.parametrize("total, outgoing", [(309, 307), (9, 7), (5, 7), (2**70, 7), (None, 7)])
def test_thinking_that_only_the_total_counts_is_paid_for_as_reply(path, total, outgoing):
    body = json.loads(answer(GOOD, "stop"))
    body["usage"] = {"prompt_tokens": 2, "completion_tokens": 7, "total_tokens": total}
    with FaultServer(lambda prompt, before: Reply(body=json.dumps(body).encode())) as server:
        ask(server, path, PROMPTS[:1])
    reply = stored(path)[0][0]
    assert (reply.prompt_tokens, reply.completion_tokens) == (2, outgoing)
    assert reply.usd == pytest.approx((2 * 1.0 + outgoing * 2.0) / 1e6)


def test_a_proxy_of_the_environment_does_not_catch_a_judge_on_this_machine(path, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with FaultServer() as server:
        assert ask(server, path, PROMPTS[:1], retries=0) == {}


KEY = "sk-very-secret-1234"


@pytest.mark.parametrize("status", [400, 401, 402, 404, 200])
def test_a_key_that_the_server_repeats_is_in_no_message_and_no_file(path, status, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("HF_TOKEN", "hf_also_secret")
    text = "x" * 185 + f" {KEY} and hf_also_secret"  # 200 characters end within the key
    reply = Reply(f"{text}\nRating: 7", status=status, error={"message": text})
    with FaultServer(lambda prompt, before: reply) as server:
        try:
            said = str(ask(server, path, PROMPTS[:1], allowed=1))
        except InputError as error:
            said = str(error)
    assert "sk-ve" not in said and "hf_also" not in said
    assert ("[OPENAI_API" in said) == (status != 200)
    if status == 200:
        assert "[OPENAI_API_KEY] and [HF_TOKEN]" in texts(path)[0][0]
    for file in path.parent.iterdir():
        assert KEY.encode() not in file.read_bytes() and b"hf_also" not in file.read_bytes()


def test_half_a_character_is_kept_as_a_question_mark(path):
    with FaultServer(lambda prompt, before: Reply("Cut: \ud83d\nRating: 7")) as server:
        assert ask(server, path) == {}
    assert texts(path) == [["Cut: ?\nRating: 7"]] * 20


@pytest.mark.parametrize(
    "error, raised, message",
    [(sqlite3.OperationalError("disk is full"), InputError,
      r"the store of replies cannot be used \(disk is full\); 1 replies had arrived"),
     (KeyError("a bug"), KeyError, "a bug")],
)  # fmt: skip
def test_a_reply_that_cannot_be_stored_stops_the_run_and_those_under_way_are_kept(
    path, monkeypatch, error, raised, message
):
    put, failed = Store.put, []

    def fail_once(self, *row):
        if not failed:
            failed.append(row)
            raise error
        put(self, *row)

    monkeypatch.setattr(Store, "put", fail_once)
    late = lambda prompt, before: Reply(wait=0.0 if prompt == PROMPTS[0] else 1.0)  # noqa: E731
    with FaultServer(late) as server, pytest.raises(raised, match=message):
        ask(server, path)
    kept = len([replies for replies in texts(path) if replies])
    assert kept == sum(server.answered.values()) - 1 > 0
    assert sum(server.asked.values()) == sum(server.answered.values())


@pytest.mark.integration
def test_a_full_disk_stops_the_run_and_says_how_many_replies_are_lost(path):
    long = Reply("It answers. " * 3000 + "\nRating: 7", wait=0.05)
    with FaultServer(lambda prompt, before: long) as server:
        with full_disk(300_000), pytest.raises(InputError) as stopped:
            ask(server, path, budget_usd=100.0)
        said = re.search(r"cannot be used \((.+)\); (\d+) replies had arrived", str(stopped.value))
        assert said, stopped.value
        lost = int(said.group(2))
        kept = len([replies for replies in texts(path) if replies])
        assert kept > 0 and 0 < lost <= ENDPOINT.concurrency
        assert kept + lost == sum(server.answered.values())
        with Store(path) as store:
            assert store.usage()["lost_calls"] == 0 and store.booked() > 0
        assert ask(server, path, budget_usd=100.0) == {}
    assert sum(server.answered.values()) == len(PROMPTS) + lost


def test_a_server_without_usage_is_booked_by_estimate(path):
    with FaultServer(lambda prompt, before: Reply(usage=False)) as server:
        ask(server, path, PROMPTS[:1])
    reply = stored(path)[0][0]
    assert (reply.prompt_tokens, reply.completion_tokens) == (2, 9)


def test_the_budget_is_never_exceeded_and_what_it_bought_is_kept(path):
    most = judge_client.cost.at_most(ENDPOINT, PROMPTS[0])
    with FaultServer(lambda prompt, before: Reply(wait=0.01)) as server:
        with pytest.raises(InputError, match="budget is used up.*budget_usd"):
            ask(server, path, concurrency=8, budget_usd=3.5 * most)
    with Store(path) as store:
        assert 0 < store.booked() <= 3.5 * most
    kept = len([replies for replies in texts(path) if replies])
    assert kept == sum(server.asked.values()) >= 3


def test_two_runs_at_once_share_the_calls(path):
    async def both(settings):
        with Store(path) as one, Store(path) as two:
            async with judge_client.client(settings) as client:
                runs = [
                    judge_client.JudgeClient(settings, store, "stage", 0, client).run(PROMPTS)
                    for store in (one, two)
                ]
                return await asyncio.gather(*runs)

    with FaultServer(lambda prompt, before: Reply(wait=0.05)) as server:
        assert asyncio.run(both(replace(ENDPOINT, base_url=server.url))) == [{}, {}]
    assert server.asked == collections.Counter(PROMPTS)
    ASKED[path] = server.url


def test_stopping_sends_nothing_new_and_stores_what_is_under_way(path):
    async def run(settings, store):
        async with judge_client.client(settings) as client:
            caller = judge_client.JudgeClient(settings, store, "stage", 0, client)
            asyncio.get_running_loop().call_later(0.1, caller.stop, "interrupted")
            await caller.run(PROMPTS)

    with FaultServer(lambda prompt, before: Reply(wait=0.3)) as server:
        with (
            Store(path) as store,
            pytest.raises(InputError, match="interrupted; every reply so far is kept"),
        ):
            asyncio.run(run(replace(ENDPOINT, base_url=server.url), store))
    ASKED[path] = server.url
    assert sum(server.asked.values()) == 8
    assert len([replies for replies in texts(path) if replies]) == 8


def test_stopping_does_not_sit_out_a_long_wait(path):
    async def run(settings, store):
        async with judge_client.client(settings) as client:
            caller = judge_client.JudgeClient(settings, store, "stage", 0, client)
            asyncio.get_running_loop().call_later(0.2, caller.stop, "interrupted")
            async with asyncio.timeout(5):
                await caller.run(PROMPTS)

    with FaultServer(
        lambda prompt, before: Reply(status=429, headers={"Retry-After": "100"})
    ) as server:
        with Store(path) as store, pytest.raises(InputError, match="interrupted"):
            asyncio.run(run(replace(ENDPOINT, base_url=server.url), store))


def test_an_azure_style_address_keeps_its_query_and_sends_its_key_header(path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "azure-key")
    with FaultServer() as server:
        server.url = server.url.replace("/v1", "/openai/deployments/judge?api-version=2024-10-21")
        ask(server, path, PROMPTS[:1])
    request = server.requests[0]
    assert request["path"] == "/openai/deployments/judge/chat/completions"
    assert request["query"] == {"api-version": "2024-10-21"}
    headers = {name.lower(): value for name, value in request["headers"].items()}
    assert headers["api-key"] == "azure-key" and "authorization" not in headers


def test_azures_newer_address_is_asked_like_openais(path):
    with FaultServer() as server:
        server.url = server.url.replace("/v1", "/openai/v1/?api-version=preview")
        ask(server, path, PROMPTS[:1])
    (request,) = server.requests
    assert request["path"] == "/openai/v1/chat/completions"
    assert request["query"] == {"api-version": "preview"}


def test_each_model_of_a_deployment_address_has_its_own_path(path):
    with FaultServer() as server:
        server.url = server.url.replace("/v1", "/openai/deployments/{model}?api-version=1")
        settings = replace(ENDPOINT, base_url=server.url, pool_models={"reset_s": "weak er"})
        for pool in ("reset", "reset_s"):
            judge = settings.judging("samples", pool)
            ask(server, path, PROMPTS[:1], model=judge.model)
    paths = [request["path"] for request in server.requests]
    assert paths == [
        f"/openai/deployments/{name}/chat/completions" for name in (ENDPOINT.model, "weak er")
    ]


def test_the_newest_models_fields_can_be_sent(path):
    """A server that refuses `max_tokens` and any temperature, as the newest models do."""

    def refuses(prompt, before):
        body = server.bodies[-1]
        wrong = [name for name in ("max_tokens", "temperature") if name in body]
        message = f"Unsupported parameter: '{wrong[0]}'" if wrong else ""
        return Reply(status=400, error={"message": message}) if wrong else Reply()

    with FaultServer(refuses) as server:
        failures = ask(server, path, PROMPTS[:1], allowed=1)
        assert failures == {PROMPTS[0]: "HTTP 400: Unsupported parameter: 'max_tokens'"}
        newest = {"token_limit_field": "max_completion_tokens", "temperature": None}
        assert ask(server, path, PROMPTS[:1], **newest) == {}
    assert server.bodies[-1] == {
        "model": ENDPOINT.model,
        "messages": [{"role": "user", "content": PROMPTS[0]}],
        "max_completion_tokens": 512,
    }


def test_a_system_turn_of_the_prompt_is_sent_as_one(path):
    prompt = "[system]\nBe fair.\n[user]\nRate this:\n> [user]\n> x"
    with FaultServer() as server:
        ask(server, path, [prompt])
    assert server.bodies[0]["messages"] == [
        {"role": "system", "content": "Be fair."},
        {"role": "user", "content": "Rate this:\n> [user]\n> x"},
    ]


def test_another_server_under_the_same_model_name_is_asked_anew(path):
    with FaultServer() as first, FaultServer() as second:
        ask(first, path, PROMPTS[:2])
        ask(second, path, PROMPTS[:2])
        first.url = first.url.replace("http://127.0.0.1", "HTTP://127.0.0.1") + "/"
        ask(first, path, PROMPTS[:2])
    assert sum(first.asked.values()) == sum(second.asked.values()) == 2


def test_the_key_comes_from_the_environment_and_stays_out_of_the_store(path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    with FaultServer() as server:
        ask(server, path, PROMPTS[:1])
    assert server.requests[0]["headers"]["Authorization"] == "Bearer sk-very-secret"
    assert all(b"sk-very-secret" not in file.read_bytes() for file in path.parent.iterdir())


def test_a_storm_of_all_faults_at_once_ends_with_every_answer_once(path):
    every = list(PASSING.values())
    prompts = [f"storm {number}" for number in range(150)]

    def behaviour(prompt, before):
        number = int(prompt.split()[1]) + before
        if number % 20 == 0:
            return Reply("no rating here")
        return every[number % len(every)] if number % 3 == 0 else Reply()

    with FaultServer(behaviour) as server:
        # on a loaded machine good calls time out too, and what may have been billed is booked
        room = {"retries": 8, "parse_retries": 5, "timeout": 2.0, "budget_usd": 100.0}
        failures = ask(server, path, prompts, allowed=150, concurrency=64, **room)
    assert failures == {}
    assert all(replies[-1] == GOOD for replies in texts(path, prompts, parse_retries=5))


def test_an_unknown_exception_is_not_swallowed():
    with pytest.raises(KeyError):
        retry_policy.classify_error(KeyError("a bug"))

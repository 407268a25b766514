import hashlib
import json
import threading
from collections import Counter
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reset.core.errors import InputError
from reset.generation import generate
from reset.generation.decoding import GREEDY, Draw, Request, Setting, greedy_draws
from reset.generation.engines import Answer, load
from tests.support.random_model import SETTINGS, requests, save_model

MIXED = [GREEDY, Setting(0.5), Setting(1.0, 5)]
KEYS = ("prompt", "temperature", "top_k", "seed")


class Server:
    """`with Server(model) as server:` serves completions at `server.url`; `asked` holds every
    request's body.

    The text tells what was asked; a prompt with an odd number of tokens ends by EOS, which usage
    counts. `ids` are the token ids of every answer, for a server that gives them; after `most`
    answers each call fails. No call is answered before `ready` is set.
    """

    def __init__(self, model, status=200, finish=None, ids=None, most=10**9):
        self.ready = threading.Event()
        self.ready.set()
        self.model, self.status, self.finish, self.asked = str(model), status, finish, []
        self.ids, self.most = ids, most

    def __enter__(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.reply(
                    200, {"object": "list", "data": [{"id": outer.model, "object": "model"}]}
                )

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(body)
                outer.ready.wait()
                text = hashlib.sha256(
                    json.dumps([body.get(key) for key in KEYS]).encode()
                ).hexdigest()
                finish = outer.finish or ("stop" if len(body["prompt"]) % 2 else "length")
                choice = {"index": 0, "text": text, "finish_reason": finish}
                if outer.ids is not None and body["return_token_ids"]:
                    choice["token_ids"] = outer.ids
                usage = {"prompt_tokens": 1, "completion_tokens": 5, "total_tokens": 6}
                whole = {
                    "id": "1",
                    "object": "text_completion",
                    "created": 0,
                    "model": "m",
                    "choices": [choice],
                }
                self.reply(
                    outer.status if len(outer.asked) <= outer.most else 503,
                    whole | {"usage": usage},
                )

            def reply(self, status, value):
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "mtl_0")


def settings(*servers, **changes):
    options = {
        "base_urls": [s if isinstance(s, str) else s.url for s in servers],
        "api_key_env": "TEST_KEY",
    }
    options |= {"concurrency": 4, "request_seeds": True, "timeout": 20.0, "retries": 0, **changes}
    return replace(SETTINGS, engine="openai", openai=options)


def engine(model, *servers, **changes):
    return load(model, settings(*servers, **changes), 12)


def answers(made, asked):
    found = [pair for finished in made.run(made.plan(asked)) for pair in finished]
    assert Counter(request.id for request, _ in found) == Counter(request.id for request in asked)
    return {request.id: reply for request, reply in found}


def test_every_draw_is_asked_once_with_its_own_settings(model):
    asked = requests(20, MIXED)
    with Server(model) as server:
        made = engine(model, server)
        found = answers(made, asked)
    sent = {
        (*b["prompt"], b["temperature"], b.get("top_k"), b.get("seed")): b for b in server.asked
    }
    assert len(sent) == len(server.asked) == 60
    for request in asked:
        greedy, warm, limited = request.draws
        ids = made.prompts.ids[request.id]
        assert (*ids, 0.0, None, None) in sent
        assert (*ids, 0.5, -1, warm.seed) in sent
        assert (*ids, 1.0, 5, limited.seed) in sent
        assert len({answer.text for answer in found[request.id]}) == 3
    assert {body["model"] for body in server.asked} == {str(model)}
    assert all(body["stop_token_ids"] == [2] for body in server.asked)
    off = [(body["min_p"], body["repetition_penalty"]) for body in server.asked]
    assert set(off) == {(0.0, 1.0)}  # a server's own defaults, whatever they are


def test_finish_and_token_count_follow_the_contract(model):
    asked = [Request("a", "w1 w2", greedy_draws()), Request("b", "w1 w2 w3", greedy_draws())]
    with Server(model) as server:
        found = answers(engine(model, server), asked)
    assert (found["a"][0].tokens, found["a"][0].finish) == (5, "length")
    assert (found["b"][0].tokens, found["b"][0].finish) == (4, "eos")


def test_text_and_count_come_from_the_token_ids_where_the_server_gives_them(model):
    asked = [Request("a", "w1 w2", greedy_draws()), Request("b", "w1 w2 w3", greedy_draws())]
    with Server(model, ids=[4, 5, 2]) as server:  # w0, w1 and the EOS that ended it
        found = answers(engine(model, server), asked)
    assert found["b"] == [Answer("w0 w1", 2, "eos")]
    assert found["a"] == [Answer("w0 w1", 3, "length")]


def test_a_slow_server_keeps_no_other_waiting_and_a_prompts_draws_go_to_one(model):
    asked = requests(20, MIXED)
    with Server(model) as slow, Server(model) as fast:
        slow.ready.clear()
        shared = {}
        for ((request, reply),) in engine(model, slow, fast, timeout=300.0).run(
            [[request] for request in asked]
        ):
            shared[request.id] = reply
            if len(shared) == 16:  # all but the four that the slow server has under way
                slow.ready.set()
        sides = [Counter(tuple(body["prompt"]) for body in server.asked) for server in (slow, fast)]
        assert [len(side) for side in sides] == [4, 16] and not sides[0].keys() & sides[1].keys()
        assert {*sides[0].values(), *sides[1].values()} == {3}
        assert shared == answers(engine(model, fast), asked)


def test_equal_draws_are_asked_once(model):
    greedy = tuple(Draw(i, Setting(0.0, k), i) for i, k in enumerate((5, 10, 20)))
    with Server(model) as server:
        reply = answers(engine(model, server), [Request("a", "w1", greedy)])["a"]
    assert len(server.asked) == 1 and len(reply) == 3


def test_no_seed_is_sent_where_the_server_cannot_bear_one(model):
    with Server(model) as server:
        answers(engine(model, server, request_seeds=False), requests(3, MIXED))
    assert not any("seed" in body for body in server.asked)


def test_a_server_of_another_model_is_refused_before_any_call(model):
    with Server("models/chat") as server:
        with pytest.raises(InputError, match="serves models/chat, not .*mtl_0"):
            answers(engine(model, server), requests(3, MIXED))
    assert not server.asked


def test_servers_of_other_models_are_passed_over(model):
    with Server("models/chat") as other, Server(model) as server:
        answers(engine(model, other, server), requests(6, MIXED))
    assert len(server.asked) == 18 and not other.asked


def test_a_lost_server_is_reported_and_its_prompts_are_taken_up_by_the_others(
    model, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    asked = requests(40, MIXED)
    with (
        Server(model) as one,
        Server(model, most=6) as two,
    ):  # gets four prompts at once, twelve calls
        with pytest.raises(InputError, match=f"{two.url}/: prompt 'toy:.*run again"):
            generate.generate(model, asked, settings(one, two), 12)
        done = generate.finished(next(generate.WORK.iterdir()))
        assert 0 < len(done) < 40
        one.asked.clear()
        rows = generate.generate(model, asked, settings(one), 12)
        assert len(one.asked) == 3 * (40 - len(done))  # the rest alone, by the server that is left
    assert [(row["id"], row["sample"]) for row in rows] == [
        (r.id, d.sample) for r in asked for d in r.draws
    ]


def test_a_server_that_is_not_there_is_an_error_that_names_it(model):
    with Server(model) as server:
        url = server.url
    with pytest.raises(InputError, match=f"{url}: no answer"):
        answers(engine(model, url), requests(1, MIXED))


@pytest.mark.parametrize("page", [b"<html>a page for browsers</html>", b"[]"])
def test_a_server_of_something_else_is_named(model, page):
    class Pages(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if b"<" in page else "application/json")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{http.server_port}"
        with pytest.raises(InputError, match=f"{url}: answers, but with no list of models"):
            answers(engine(model, url), requests(1, MIXED))
        http.shutdown()


def test_a_failed_call_stops_the_rest_and_names_the_prompt(model):
    with Server(model, status=500) as server:
        with pytest.raises(InputError, match="prompt 'toy:.*, sample 0: .*run again"):
            answers(engine(model, server), requests(200, MIXED))
    assert (
        len(server.asked) <= 4
    )  # what was under way at once: no thread takes another prompt after a failure


def test_an_unknown_finish_is_no_answer(model):
    with Server(model, finish="content_filter") as server:
        with pytest.raises(
            InputError, match=f"{server.url}/: prompt 'toy:0', sample 0: finish 'content_filter'"
        ):
            answers(engine(model, server), requests(1, [GREEDY]))


@pytest.mark.parametrize(
    "change, word", [({"openai": None}, "is null"), ({"workers": 2}, "must be 1")]
)
def test_settings_without_sense_are_refused(model, change, word):
    options = {"base_urls": ["http://127.0.0.1:1/v1"], "api_key_env": "K", "concurrency": 1}
    options |= {"request_seeds": True, "timeout": 1.0, "retries": 0}
    given = replace(SETTINGS, engine="openai", openai=options)
    with pytest.raises(InputError, match=word):
        load(model, replace(given, **change), 12)

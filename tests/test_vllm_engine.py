"""The vLLM engine against a stand-in for the package; test_vllm_real.py has the package itself."""

import random
import sys
import types
from collections import Counter
from dataclasses import replace

import pytest

from reset.decoding import GREEDY, Draw, Request, Setting
from reset.engines import load
from reset.errors import InputError
from tests.random_model import SETTINGS, requests, save_model

OPTIONS = {"tensor_parallel": 1, "memory": 0.5, "request_seeds": True, "enforce_eager": True}
MIXED = [GREEDY, Setting(0.5), Setting(1.0, 5)]


class StandIn:
    """Holds all requests and finishes them in random order, as a full engine may."""

    made: list["StandIn"] = []

    def __init__(self, **how):
        self.how, self.llm_engine, self.waiting, self.asked = how, self, [], []
        StandIn.made.append(self)

    def add_request(self, name, prompt, sampling):
        self.waiting.append((name, prompt["prompt_token_ids"], sampling))
        self.asked.append((tuple(prompt["prompt_token_ids"]), sampling))

    def has_unfinished_requests(self):
        return bool(self.waiting)

    def step(self):
        name, ids, how = self.waiting.pop(random.Random(len(self.waiting)).randrange(len(self.waiting)))
        stop = how.temperature > 0
        tokens = [4 + hash((tuple(ids), how.temperature, how.top_k, how.seed, n)) % 44 for n in range(8)]
        assert how.stop_token_ids == [2] and not how.detokenize
        output = types.SimpleNamespace(
            token_ids=[*tokens, 2 if stop else 9], finish_reason="stop" if stop else "length"
        )
        return [types.SimpleNamespace(request_id=name, finished=True, outputs=[output])]


class Sampling(types.SimpleNamespace):
    top_k, seed = None, None


@pytest.fixture
def package(monkeypatch):
    """A package `vllm` of three names; set `.cpu` for its CPU build."""
    platform = types.SimpleNamespace(is_cpu=lambda: package.cpu)
    package = types.ModuleType("vllm")
    package.__version__, package.cpu, package.LLM, package.SamplingParams = "0.32.0", False, StandIn, Sampling
    platforms, sampling = types.ModuleType("vllm.platforms"), types.ModuleType("vllm.sampling_params")
    platforms.current_platform = platform
    sampling.RequestOutputKind = types.SimpleNamespace(FINAL_ONLY=2)
    for module in (package, platforms, sampling):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(StandIn, "made", [])
    return package


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "mtl_0", head_dim=32, hidden_size=128)


def engine(model, **changes):
    return load(model, replace(SETTINGS, engine="vllm", vllm=OPTIONS | changes), 12)


def answers(made, asked):
    found = [pair for finished in made.run(made.plan(asked)) for pair in finished]
    assert Counter(request.id for request, _ in found) == Counter(request.id for request in asked)
    return {request.id: reply for request, reply in found}


def test_answers_that_come_in_any_order_find_their_prompt_and_draw(model, package):
    asked = requests(30, MIXED)
    made = engine(model)
    found = answers(made, asked)
    for request in asked:
        ids = made.prompts.ids[request.id]
        asked_for = [(0.0, None, None), (0.5, -1, request.draws[1].seed), (1.0, 5, request.draws[2].seed)]
        expected = [[4 + hash((tuple(ids), *how, n)) % 44 for n in range(8)] for how in asked_for]
        expected[0].append(9)
        assert [answer.text for answer in found[request.id]] == [
            made.prompts.answer(ids, True).text for ids in expected
        ]
    assert [(a.tokens, a.finish) for a in found["toy:0"]] == [(9, "length"), (8, "eos"), (8, "eos")]


def test_all_requests_are_one_stream_and_the_model_is_loaded_once(model, package):
    made, asked = engine(model), requests(30, MIXED)
    first = next(made.run(made.plan(asked)))
    assert len(first) == 1 and len(StandIn.made) == 1
    assert len(StandIn.made[0].asked) == 90  # all submitted before the first answer


def test_equal_draws_are_asked_once(model, package):
    greedy = tuple(Draw(i, Setting(0.0, k), i) for i, k in enumerate((5, 10, 20)))
    reply = answers(engine(model), [Request("a", "w1", greedy)])["a"]
    assert len(StandIn.made[0].asked) == 1 and len(reply) == 3


def test_the_engine_gets_the_settings_and_a_seed_that_differs_by_share(model, package):
    for share in (requests(30, MIXED)[::2], requests(30, MIXED)[1::2]):
        answers(engine(model), share)
    one, two = (made.how for made in StandIn.made)
    assert one["enable_prefix_caching"] and one["dtype"] == "float32" and one["generation_config"] == "vllm"
    assert one["seed"] != two["seed"] and 0 <= one["seed"] < 2**31


def test_the_cpu_build_refuses_request_seeds_and_runs_without(model, package):
    package.cpu = True
    with pytest.raises(InputError, match="request_seeds: false"):
        answers(engine(model), requests(2, MIXED))
    answers(engine(model, request_seeds=False), requests(2, MIXED))
    assert all(sampling.seed is None for _, sampling in StandIn.made[0].asked)


def test_a_missing_package_is_one_clear_sentence(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(InputError, match="cannot be imported .*install it .*or set sampling.engine: transformers"):
        answers(engine(model), requests(1, MIXED))


def test_another_version_of_the_package_is_one_clear_sentence(model, package):
    package.__version__ = "0.31.1"
    with pytest.raises(InputError, match="vllm 0.31.1 is installed, but .* 0.32: pip install vllm==0.32.0, or set"):
        answers(engine(model), requests(1, MIXED))
    assert not StandIn.made


def test_too_little_memory_is_one_clear_sentence(model, package, monkeypatch):
    def refuse(**_):
        raise ValueError("No available memory for the cache blocks.\nTry this and that.")

    monkeypatch.setattr(package, "LLM", refuse)
    with pytest.raises(InputError, match="cannot load .*mtl_0: No available memory for the cache blocks. .see sampl"):
        answers(engine(model), requests(1, MIXED))


def test_settings_must_be_there(model):
    with pytest.raises(InputError, match="'sampling.vllm' is null"):
        load(model, replace(SETTINGS, engine="vllm"), 12)
    with pytest.raises(InputError, match="missing key 'sampling.vllm.memory'"):
        load(model, replace(SETTINGS, engine="vllm", vllm={k: v for k, v in OPTIONS.items() if k != "memory"}), 12)

"""The vLLM engine against a stand-in for the package; test_vllm_real.py has the package itself."""

import random
import sys
import types
from collections import Counter
from dataclasses import replace

import pytest

from reset.core.errors import InputError
from reset.generation.decoding import GREEDY, Draw, Request, Setting
from reset.generation.engines import load
from tests.support.random_model import SETTINGS, requests, save_model

OPTIONS = {"tensor_parallel": 1, "memory": 0.5, "request_seeds": True, "enforce_eager": True}
MIXED = [GREEDY, Setting(0.5), Setting(1.0, 5)]


class StandIn:
    """Holds all requests and finishes them in random order, as a full engine may; `finish` in place
    of their own.
    """

    made: list["StandIn"] = []
    finish = None

    def __init__(self, **how):
        self.how, self.llm_engine, self.waiting, self.asked = how, self, [], []
        StandIn.made.append(self)

    def add_request(self, request_id, prompt, params):
        ids = prompt["prompt_token_ids"]
        self.waiting.append((request_id, ids, params))
        self.asked.append((tuple(ids), params))

    def has_unfinished_requests(self):
        return bool(self.waiting)

    def step(self):
        name, ids, how = self.waiting.pop(
            random.Random(len(self.waiting)).randrange(len(self.waiting))
        )
        stop = how.temperature > 0
        tokens = [
            4 + hash((tuple(ids), how.temperature, how.top_k, how.seed, n)) % 44 for n in range(8)
        ]
        assert how.stop_token_ids == [2] and not how.detokenize
        output = types.SimpleNamespace(
            token_ids=[*tokens, 2 if stop else 9],
            finish_reason=self.finish or ("stop" if stop else "length"),
        )
        return [types.SimpleNamespace(request_id=name, finished=True, outputs=[output])]


class Sampling:
    """A request's settings."""

    def __init__(
        self,
        *,
        temperature,
        stop_token_ids,
        detokenize,
        max_tokens,
        output_kind,
        top_k=None,
        seed=None,
    ):
        self.temperature, self.top_k, self.seed = temperature, top_k, seed
        self.stop_token_ids, self.detokenize = stop_token_ids, detokenize
        self.max_tokens, self.output_kind = max_tokens, output_kind


class Arguments:
    def __init__(
        self,
        model,
        dtype,
        seed,
        max_model_len,
        tensor_parallel_size,
        gpu_memory_utilization,
        enforce_eager,
        enable_prefix_caching,
        block_size,
        generation_config,
    ):
        pass  # what the package would check


class LaterEngine:
    """The package's engine after prompts have got another name."""

    def add_request(self, request_id, inputs, params):
        pass

    def has_unfinished_requests(self):
        pass

    def step(self):
        pass


@pytest.fixture
def package(monkeypatch):
    """A package `vllm` of three names; set `.cpu` for its CPU build."""
    platform = types.SimpleNamespace(is_cpu=lambda: package.cpu)
    package = types.ModuleType("vllm")
    package.__version__, package.cpu, package.LLM, package.SamplingParams = (
        "0.32.0",
        False,
        StandIn,
        Sampling,
    )
    package.EngineArgs, package.LLMEngine = Arguments, StandIn
    platforms, sampling = (
        types.ModuleType("vllm.platforms"),
        types.ModuleType("vllm.sampling_params"),
    )
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
        asked_for = [
            (0.0, None, None),
            (0.5, -1, request.draws[1].seed),
            (1.0, 5, request.draws[2].seed),
        ]
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


def test_the_engine_gets_the_settings(model, package):
    made = engine(model, tensor_parallel=2, memory=0.7, enforce_eager=False)
    answers(made, requests(30, MIXED))
    how = {key: value for key, value in StandIn.made[0].how.items() if key != "seed"}
    assert how == {
        "model": str(model),
        "dtype": "float32",
        "tensor_parallel_size": 2,
        "gpu_memory_utilization": 0.7,
        "enforce_eager": False,
        "enable_prefix_caching": True,
        "block_size": None,
        "generation_config": "vllm",
        "max_model_len": max(map(len, made.prompts.ids.values())) + 12,
    }


def test_the_engines_seed_differs_by_share(model, package):
    for share in (requests(30, MIXED)[::2], requests(30, MIXED)[1::2]):
        answers(engine(model), share)
    one, two = (made.how["seed"] for made in StandIn.made)
    assert one != two and 0 <= one < 2**31


def test_the_cpu_build_refuses_request_seeds_and_runs_without(model, package):
    package.cpu = True
    with pytest.raises(InputError, match="request_seeds: false"):
        answers(engine(model), requests(2, MIXED))
    answers(engine(model, request_seeds=False), requests(2, MIXED))
    assert all(sampling.seed is None for _, sampling in StandIn.made[0].asked)


def test_a_missing_package_is_one_clear_sentence(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(
        InputError, match="cannot be imported .*install it .*or set sampling.engine: transformers"
    ):
        answers(engine(model), requests(1, MIXED))


def test_an_older_version_of_the_package_is_one_clear_sentence(model, package):
    package.__version__ = "0.31.1"
    with pytest.raises(
        InputError, match="vllm 0.31.1 is installed, expected 0.32 or later: pip install vllm==0.32"
    ):
        answers(engine(model), requests(1, MIXED))
    assert not StandIn.made


@pytest.mark.parametrize("version", ["0.33.0rc2.dev5+g12ab", "0.40.1", "1.0.0"])
def test_a_later_version_with_the_same_names_answers(model, package, version):
    package.__version__ = version
    assert answers(engine(model), requests(1, MIXED))


def test_a_later_version_without_a_name_that_is_used_says_which(model, package):
    package.__version__, package.LLMEngine = "0.33.0", LaterEngine
    del package.EngineArgs
    with pytest.raises(
        InputError,
        match=r"vllm 0.33.0 has no EngineArgs\(model\), .*LLMEngine.add_request\(request_id, ",
    ):
        answers(engine(model), requests(1, MIXED))
    assert not StandIn.made


def test_all_workers_make_room_for_the_longest_prompt_of_the_whole_run(model, package, tmp_path):
    from reset.generation import generate

    asked = requests(30, MIXED)
    settings = replace(SETTINGS, engine="vllm", vllm=OPTIONS)
    parent = load(model, settings, 12)
    batches = parent.plan(asked)
    for share in (batches[::2], batches[1::2]):
        assert list(generate.work(share, model, settings, 12, tmp_path, parent.longest))
    rooms = [made.how["max_model_len"] for made in StandIn.made]
    longest = max(len(ids) for ids in parent.prompts.ids.values())
    assert rooms == [longest + 12, longest + 12]


@pytest.mark.parametrize(
    "said, told",
    [
        (
            "No available memory for the cache blocks.\nTry this and that.",
            "No available .* blocks. Try this and that.",
        ),
        (
            "1 validation error for CacheConfig\nmemory\n  Input should be less than 1",
            "1 vali.* be less than 1",
        ),
        ("", "ValueError"),
        (f"the end\n{'x' * 5000}", "the end x{592}"),
    ],
)
def test_what_vllm_refuses_is_one_sentence_with_all_that_it_said(
    model, package, monkeypatch, said, told
):
    def refuse(**_):
        raise ValueError(said)

    monkeypatch.setattr(package, "LLM", refuse)
    with pytest.raises(
        InputError, match=rf"^vllm cannot load .*mtl_0: {told} \(see sampling.vllm, .*\)$"
    ):
        answers(engine(model), requests(1, MIXED))


@pytest.mark.parametrize("finish", ["abort", "error"])
def test_a_failed_request_is_no_answer(model, package, monkeypatch, finish):
    monkeypatch.setattr(StandIn, "finish", finish)
    with pytest.raises(
        InputError, match=f"^prompt 'toy:0', sample 0: finish '{finish}', not 'stop' or 'length'"
    ):
        answers(engine(model), requests(1, [GREEDY]))


def test_settings_must_be_there(model):
    with pytest.raises(InputError, match="'sampling.vllm' is null"):
        load(model, replace(SETTINGS, engine="vllm"), 12)
    with pytest.raises(InputError, match="missing key 'sampling.vllm.memory'"):
        load(
            model,
            replace(
                SETTINGS, engine="vllm", vllm={k: v for k, v in OPTIONS.items() if k != "memory"}
            ),
            12,
        )

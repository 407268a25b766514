import json
from collections import Counter
from dataclasses import replace

import pytest
import torch

from reset.core.errors import InputError
from reset.generation.decoding import GREEDY, Draw, Request, Setting, greedy_draws
from reset.generation.engines import load
from tests.support.random_model import SETTINGS, prompt, requests, save_model

MIXED = [GREEDY, Setting(0.5), Setting(1.0), Setting(1.0, 5), Setting(0.7, 40)]
FAMILIES = {
    "Llama": {},
    "Qwen3": {},
    "Mistral": {"sliding_window": 8},
    "Gemma2": {"sliding_window": 8, "query_pre_attn_scalar": 8},
    "Gemma3": {"sliding_window": 8, "query_pre_attn_scalar": 8},
    "Qwen3_5": {
        "num_hidden_layers": 4,  # three with linear attention, whose cache is a state
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
    },
    "Lfm2": {"num_hidden_layers": 3, "layer_types": ["conv", "full_attention", "conv"]},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "llama")


def engine(folder, batch_tokens=2000, max_new_tokens=12):
    return load(folder, replace(SETTINGS, batch_tokens=batch_tokens), max_new_tokens)


def answers(made, asked, batches=None):
    """id -> answers, each request exactly once."""
    found = [pair for finished in made.run(batches or made.plan(asked)) for pair in finished]
    assert Counter(request.id for request, _ in found) == Counter(request.id for request in asked)
    return {request.id: list(reply) for request, reply in found}


def generated(made, text, **how):
    """Texts by the library's own `generate`, with EOS and padding taken off."""
    ids = torch.tensor([made.prompts.tokenizer(text)["input_ids"]])
    out = made.model.generate(ids, attention_mask=torch.ones_like(ids), pad_token_id=0, **how)[
        :, ids.shape[1] :
    ]
    return made.prompts.tokenizer.batch_decode(out, skip_special_tokens=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_batched_greedy_answers_equal_those_of_generate_one_by_one(tmp_path, family):
    made = engine(save_model(tmp_path, family, **FAMILIES[family]))
    asked = [Request(f"toy:{n}", prompt(n), greedy_draws()) for n in range(20)]
    found = answers(made, asked)
    assert len(made.plan(asked)) == 1  # all in one batch, with left padding
    for request in asked:
        text = generated(made, request.prompt, do_sample=False, max_new_tokens=12)
        assert [found[request.id][0].text] == text


def test_answers_do_not_depend_on_batch_size_or_order(model):
    asked = requests(40, MIXED)
    together = answers(engine(model, 100_000), asked)
    assert answers(engine(model, 1), asked[::-1]) == together
    assert answers(engine(model, 700), asked) == together
    assert (
        len({answer.text for reply in together.values() for answer in reply}) > 100
    )  # and they do differ


def test_the_plan_keeps_the_budget_and_holds_each_request_once(model):
    made, asked = engine(model, 700), requests(40, MIXED)
    plan = made.plan(asked)
    assert sorted(request.id for batch in plan for request in batch) == sorted(
        request.id for request in asked
    )
    assert all(made._cost(batch) <= 700 for batch in plan) and len(plan) > 5
    assert plan == made.plan(asked[::-1])


@pytest.mark.parametrize("setting", [Setting(0.7), Setting(1.0, 5), Setting(0.8, 3)])
def test_the_distribution_of_a_setting_is_that_of_generate(model, setting):
    made, text, n = engine(model, 10**6, max_new_tokens=2), prompt(4), 6000
    ours = answers(
        made, [Request("toy:4", text, tuple(Draw(i, setting, i * 7919) for i in range(n)))]
    )["toy:4"]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        how = {"do_sample": True, "max_new_tokens": 2, "top_p": 1.0, "num_return_sequences": n}
        theirs = generated(
            made, text, temperature=setting.temperature, top_k=setting.top_k or 0, **how
        )
        other = generated(
            made, text, temperature=setting.temperature * 1.3, top_k=setting.top_k or 0, **how
        )
    counts = Counter(answer.text for answer in ours)
    assert chi_square_z(counts, Counter(theirs)) < 4
    assert chi_square_z(counts, Counter(other)) > 8  # the test can tell two settings apart


def chi_square_z(ours, theirs):
    """Two equally large samples compared cell by cell (rare cells together), as a normal deviate
    (Wilson, Hilferty).
    """
    rare = {cell for cell in ours | theirs if ours[cell] + theirs[cell] < 20}
    cells = [(ours[c], theirs[c]) for c in ours | theirs if c not in rare]
    if rare:
        cells.append((sum(ours[c] for c in rare), sum(theirs[c] for c in rare)))
    free = len(cells) - 1
    chi = sum((a - b) ** 2 / (a + b) for a, b in cells)
    return ((chi / free) ** (1 / 3) - (1 - 2 / (9 * free))) / (2 / (9 * free)) ** 0.5


def test_equal_draws_are_computed_once(model, monkeypatch):
    made, rows = engine(model), []
    decode = made._decode
    monkeypatch.setattr(
        made, "_decode", lambda p, owner, draws: rows.append(len(owner)) or decode(p, owner, draws)
    )
    greedy = tuple(Draw(i, Setting(0.0, k), i) for i, k in enumerate((5, 10, 20, 50, 70, 90, 100)))
    reply = answers(made, [Request("toy:1", prompt(1), greedy)])["toy:1"]
    assert rows == [1] and len(reply) == 7 and len(set(reply)) == 1


def test_an_answer_ends_at_eos_which_is_neither_text_nor_counted(model):
    made = engine(model, max_new_tokens=20)
    asked = requests(60, [Setting(1.5)])
    found = [reply[0] for reply in answers(made, asked).values()]
    ended = [answer for answer in found if answer.finish == "eos"]
    assert 5 < len(ended) < 55
    assert all(len(answer.text.split()) <= answer.tokens < 20 for answer in ended)
    assert all(answer.tokens == 20 for answer in found if answer.finish == "length")
    assert not any("</s>" in answer.text for answer in found)


def test_every_stop_token_of_the_generation_config_ends_an_answer(tmp_path):
    folder = save_model(tmp_path)
    asked = requests(10, [Setting(1.0)])
    free = answers(engine(folder), asked)
    config = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(
        json.dumps(config | {"eos_token_id": [2, *range(4, 14)]})
    )
    stopped = answers(engine(folder), asked)
    words = {f"w{i}" for i in range(10)}
    for id, (answer,) in free.items():
        kept = answer.text.split()
        first = next((n for n, word in enumerate(kept) if word in words), None)
        assert stopped[id][0].text.split() == kept[:first]
        assert first is None or stopped[id][0].finish == "eos"


def test_a_prompt_without_room_for_an_answer_is_an_error_that_names_it(model):
    fits = Request("nq:16", " ".join(["w1"] * 52), greedy_draws())
    asked = [*requests(3, [GREEDY]), fits, Request("nq:17", " ".join(["w1"] * 53), greedy_draws())]
    engine(model).plan(asked[:-1])
    with pytest.raises(
        InputError, match="nq:17.*53 tokens leave no room for an answer of 12.*window of 64"
    ):
        engine(model).plan(asked)


def test_a_prompt_without_any_token_is_an_error_that_names_it(model):
    with pytest.raises(InputError, match="nq:18.*no token"):
        engine(model).plan([Request("nq:18", "  ", greedy_draws())])


@pytest.mark.parametrize("most", [30, 7, 2, 1])
def test_out_of_memory_halves_the_budget_without_losing_or_changing_an_answer(model, most):
    asked = requests(12, MIXED)
    expected = answers(engine(model, 10**6), asked)
    made = engine(model, 10**6)
    decode = made._decode

    def cramped(prompts, owner, draws):
        if len(owner) > most:
            raise torch.OutOfMemoryError("too many rows")
        return decode(prompts, owner, draws)

    made._decode = cramped
    assert answers(made, asked) == expected
    assert made.batch_tokens < 10**6


def test_one_answer_that_does_not_fit_is_an_error_that_names_the_prompt(model):
    made = engine(model)

    def full(*_):
        raise torch.OutOfMemoryError("full")

    made._decode = full
    with pytest.raises(InputError, match="toy:0.*memory"):
        answers(made, requests(1, MIXED))


def test_a_model_folder_without_tokenizer_is_an_error(tmp_path):
    save_model(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(InputError, match="no tokenizer.json"):
        engine(tmp_path)


def test_bf16_answers_are_drawn_too(model):
    found = answers(load(model, replace(SETTINGS, precision="bf16"), 12), requests(5, MIXED))
    assert all(answer.text for reply in found.values() for answer in reply)

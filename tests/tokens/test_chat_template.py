"""Chat models of four families, from rows to answers: one form in templates, training and
sampling.
"""

import dataclasses
import json
from pathlib import Path

import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.data.prompts import render_prompts, templates
from reset.data.prompts.truncation import TokenCounter
from reset.generation.decoding import Request, greedy_draws
from reset.generation.engines import load
from reset.models.folder import ModelSource, make
from reset.tokens import chat_template, encoding
from reset.training import run
from tests.support import tiny_llama
from tests.support.chat_models import FAMILIES, save, tokenizer
from tests.support.random_model import SETTINGS

ROOT = Path.cwd()
PROMPTS = {
    "llama": (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nToday: 01 Jul"
        " 2024<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    "qwen": "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
    "gemma": "<bos><start_of_turn>user\n{}<end_of_turn>\n<start_of_turn>model\n",
    "mistral": "<s>[INST] {} [/INST]",
}
ROW = {
    "dataset": "nq",
    "task": "extractive_qa",
    "instruction": "Say.",
    "question": "so?",
    "references": ["yes"],
}


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture
def folder(family, tmp_path):
    """models/chat as the stage `models` makes it of a published folder of the family."""
    given = ModelSource("folder", str(save(tmp_path / "given", FAMILIES[family])), None)
    make("chat", given, tmp_path / "models/chat")
    return tmp_path / "models/chat"


def test_a_run_in_chat_form_learns_to_close_its_turn(family, folder, tmp_path, monkeypatch):
    kind, start = FAMILIES[family], Path("models/chat")
    monkeypatch.chdir(tmp_path)
    contexts = [f"yes {'x' * (n % 5)}{'long ' * 99 * (n == 7)}" for n in range(16)]
    io.write(
        "filtered/train.jsonl",
        [ROW | {"id": f"nq:{n}", "context": [c]} for n, c in enumerate(contexts)],
    )
    io.write("filtered/eval.jsonl", [ROW | {"id": "nq:99", "context": ["yes or no"]}])

    layout = templates.load("paper", ROOT / "prompts").chat(chat_template.renderer(start))
    settings = render_prompts.PromptSettings("paper", "trim_context", 240, 0.0, 8)
    counter = TokenCounter(str(start / "tokenizer.json"))
    counts = render_prompts.prompt_folder(
        Path("filtered"), Path("prompts"), layout, counter, settings
    )
    rows = io.read("prompts/train.jsonl")
    assert counts["train"]["cut"] == 1
    for row in (
        rows
    ):  # also the one that was cut has its instruction, its question and the place for the answer
        assert row["prompt"] == PROMPTS[family].replace("{}", f"Say.\n\n{row['context'][0]}\nso?")

    words = run.load_tokenizer(start)
    for row, example in zip(rows, encoding.encode(rows, words, 240, "rows"), strict=True):
        assert words.decode(example.input_ids) == f"{row['prompt']}yes{kind.end}"
        assert (
            words.decode([id for id in example.labels if id != encoding.IGNORE]) == f"yes{kind.end}"
        )

    job = tiny_llama.job(
        tmp_path, recipe={"epochs": 15, "learning_rate": 1e-2}, max_length=240, eval_every=15
    )
    run.run(
        dataclasses.replace(
            job, start=start, train=Path("prompts/train.jsonl"), dev=Path("prompts/eval.jsonl")
        )
    )
    engine = load(job.model, dataclasses.replace(SETTINGS, batch_tokens=10_000), 8)
    requests = [Request(row["id"], row["prompt"], greedy_draws()) for row in rows]
    answers = {
        tuple(answer) for batch in engine.run(engine.plan(requests)) for _, [answer] in batch
    }
    assert answers == {("yes", 3, "eos")}


def test_the_end_of_a_turn_is_where_every_engine_looks_for_it(family, folder):
    words, kind = run.load_tokenizer(folder), FAMILIES[family]
    end = words.convert_tokens_to_ids(kind.end)
    assert chat_template.end_of_answer(words) == end
    ends = json.loads((folder / "generation_config.json").read_text())["eos_token_id"]
    assert ends == (words.eos_token_id if kind.end == kind.eos else [words.eos_token_id, end])


def test_the_chat_template_is_a_part_of_the_tokenizers_configuration(family, folder):
    assert not (folder / "chat_template.jinja").exists()
    assert (
        json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]
        == FAMILIES[family].template
    )


LISTS = (
    "{% for turn in messages %}<|im_start|>{{ turn.role }}\n{% for part in turn.content %}"
    "{{ part.text }}{% endfor %}<|im_end|>\n{% endfor %}"
)


def test_a_template_that_takes_lists_of_parts_alone_is_refused_by_models(tmp_path):
    given = save(tmp_path / "given", dataclasses.replace(FAMILIES["qwen"], template=LISTS))
    with pytest.raises(
        InputError, match="leaves out a turn whose content is text .*lists of parts"
    ):
        make("chat", ModelSource("folder", str(given), None), tmp_path / "chat")
    assert not (tmp_path / "chat").exists()


def test_a_base_model_ends_its_answers_with_its_own_eos(family):
    words, kind = tokenizer(FAMILIES[family], chat=False), FAMILIES[family]
    row = {"id": "nq:1", "prompt": PROMPTS[family].replace("{}", "Say."), "target": "yes"}
    (example,) = encoding.encode([row], words, 240, "rows")
    assert words.decode(example.input_ids) == f"{row['prompt']}yes{kind.eos}"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "no chat template; .*template.style: alpaca"),
        ("{{ raise_exception('two tools are needed') }}", "two tools are needed"),
        ("{% for turn in", "chat template cannot be used"),
        ("hello", "leaves out the user's message"),
        (
            "{% for turn in messages %}{{ turn.content }}{% endfor %}<|im_start|>assistant\n"
            "<think>\n",
            "opens <think> before every answer.*release without thinking, or set template.style",
        ),
    ],
)
def test_a_chat_template_that_cannot_serve_is_one_sentence(tmp_path, template, message):
    words = tokenizer(FAMILIES["qwen"])
    words.chat_template = template
    words.save_pretrained(tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        chat_template.renderer(tmp_path)
    assert "\n" not in str(caught.value)

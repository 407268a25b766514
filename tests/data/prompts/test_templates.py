import shutil

import pytest

from reset.core import tasks
from reset.core.errors import InputError
from reset.data.prompts import templates
from reset.data.prompts.templates import Template

PAPER = templates.load("paper")
QA = {
    "task": "extractive_qa",
    "instruction": "",
    "question": "Who?",
    "context": ["First passage.", "Second passage."],
    "references": ["Ada"],
}
REQUEST = {
    "task": "instruction",
    "instruction": "Name a fruit.",
    "question": "",
    "context": [],
    "references": [],
}


def test_the_extractive_prompt_reads_so():
    assert (
        PAPER.render(QA)
        == "The instruction below describes a task, and the input gives what is needed to do it."
        " Write a response that fulfils the request.\n\n### Instruction:\nAnswer the question"
        " below the passages: extract a specific text span from the given passages. Reply with"
        " the span alone, word for word.\n\n### Input:\nFirst passage.\nSecond"
        " passage.\nWho?\n\n### Response:"
    )


def test_the_request_prompt_reads_so():
    assert (
        PAPER.render(REQUEST)
        == "The instruction below describes a task. Write a response that fulfils the request.\n"
        "\n"
        "### Instruction:\n"
        "Name a fruit.\n"
        "\n"
        "### Response:"
    )


def test_each_task_has_an_instruction_of_its_own():
    prompts = {task: PAPER.render(QA | {"task": task}) for task in tasks.CONTEXT_TASKS}
    assert len(set(prompts.values())) == 3
    assert "full sentence" in prompts["abstractive_qa"]
    assert "Summarize" in prompts["summarization"]


def test_a_row_may_bring_its_own_instruction():
    assert "\nUse French.\n" in PAPER.render(QA | {"instruction": "Use French."})


def test_a_document_stands_alone_where_there_is_no_question():
    row = {
        "task": "summarization",
        "instruction": "",
        "question": "",
        "context": ["A text."],
        "references": [],
    }
    assert "### Input:\nA text.\n\n### Response:" in PAPER.render(row)


def test_braces_and_marks_in_a_text_stay_as_they_are():
    row = QA | {"question": "{input} {instruction} {0} {} %s {{x}}", "context": ["{input}"]}
    assert "\n{input}\n{input} {instruction} {0} {} %s {{x}}\n\n### Response:" in PAPER.render(row)
    assert "\n{input}{x\n" in PAPER.render(REQUEST | {"instruction": "{input}{x"})


def test_a_byte_order_mark_of_an_editor_enters_no_prompt(tmp_path):
    shutil.copytree("prompts/paper", tmp_path / "marked")
    for path in (tmp_path / "marked").iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert templates.load("marked", tmp_path).render(QA) == PAPER.render(QA)


def test_marks_may_stand_in_any_order():
    assert Template(("", "{input}", " then ", "{instruction}", "!")).fill("I", "X") == "X then I!"


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "with_input.txt",
            "{instruction} alone",
            r"with_input\.txt: each of \{instruction\} and \{input\}",
        ),
        ("with_input.txt", "{instruction} {input} {input}", r"with_input\.txt"),
        (
            "without_input.txt",
            "{instruction} {input}",
            r"without_input\.txt: each of \{instruction\}",
        ),
        ("instruction_summarization.txt", None, r"instruction_summarization\.txt: cannot be read"),
    ],
)
def test_a_broken_template_is_named(tmp_path, file, text, message):
    folder = tmp_path / "mine"
    folder.mkdir()
    for path in (templates.FOLDER / "paper").iterdir():
        (folder / path.name).write_text(path.read_text())
    (folder / file).unlink() if text is None else (folder / file).write_text(text)
    with pytest.raises(InputError, match=message):
        templates.load("mine", tmp_path)


def test_an_unknown_folder_is_named_with_those_that_exist():
    with pytest.raises(InputError, match=r"'data.templates' is 'none'.*paper"):
        templates.load("none")

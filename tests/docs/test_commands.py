"""The documents' commands, block by block: run as they stand where a copy of the committed project
allows it.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from reset.models.folder import check
from tests.docs.test_docs import DOCUMENTS, pieces
from tests.support import clones, tiny_llama

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]

# A documented line -> what is run for it in the copy, which has all results but neither DVC's cache
# nor models
HERE = {
    r"make (demo|test|setup)": r"make --dry-run \1",
    r"make (show|estimate)": r"make --assume-old=.venv/.complete \1",  # without installing anything
    r"(dvc exp run --queue .*)": r"\1",
    r"(dvc (status|dag|exp show|plots show|queue status|config|remote).*|dvc (metrics|plots) diff)": (  # noqa: E501
        r"\1"
    ),
    r"git clone https://example.org/reset.git": 'git clone --quiet . "../clone$RANDOM"',
    r"((cp profiles/|export |git commit |source ).*|cat metrics/mixes/mtl.json metrics/evaluation_set.json)": (  # noqa: E501
        r"\1"
    ),
}
# -> the test that runs it, or the same on a smaller world
DVC, COMMANDS, REMOTES = (
    "tests/pipeline/test_dvc.py::",
    "tests/docs/test_commands.py::",
    "tests/pipeline/test_remotes.py::",
)
ELSEWHERE = {
    r"make demo|dvc repro": f"{DVC}test_a_run_in_another_place_writes_the_same_lock",
    r"dvc repro (judge_ready|models|mix evaluation_set|report|--dry|--single-item .*)": (
        f"{DVC}test_a_second_repro_runs_nothing"
    ),
    r"dvc exp run -S .*": f"{DVC}test_a_changed_param_reruns_only_its_stage_and_what_hangs_from_it",
    r"dvc exp run --queue .*|dvc queue start": f"{DVC}test_a_queued_experiment_runs_and_shows_up",
    r"dvc repro fetch@manuals .*|cat .*manuals.json": (
        f"{COMMANDS}test_own_data_go_through_as_the_page_says"
    ),
    r"python -c .*AutoModelForCausalLM.*": (
        f"{COMMANDS}test_pickled_weights_are_converted_as_the_page_says"
    ),
    r"mkdir -p own|cp -r models/reset_31 own/iteration_1": (
        f"{DVC}test_a_second_iteration_samples_from_the_model_of_the_first"
    ),
    r"dvc exp run --name fast .*|dvc (metrics|plots) diff HEAD fast.*|make compare .*": (
        "tests/tools/compare/test_compare.py::test_make_compare_writes_one_page_of_a_revision_and_an_experiment"
    ),
    r"make tune": f"{DVC}test_tuning_a_finished_world_trains_nothing_and_shows_its_table",
    r"make ask .*": (
        "tests/tools/test_ask.py::test_questions_are_read_line_by_line_until_an_empty_one"
    ),
    r"make serve .*": "tests/tools/test_ask.py::test_a_served_model_answers_an_openai_client",
    r"make ablation .*": (
        "tests/pipeline/test_make.py::test_an_ablation_keeps_the_numbers_of_an_experiment_and_leaves_the_work_tree_alone"
    ),
    r"make study .*": (
        "tests/pipeline/test_make.py::test_a_study_keeps_its_small_files_and_puts_everything_else_back"
    ),
    r"make publish DATA=.*": (
        "tests/tools/publish/test_publish.py::test_the_hub_receives_candidates_and_winners_as_a_data_set"
    ),
    r"make publish MODEL=.*": (
        "tests/tools/publish/test_publish.py::test_the_hub_receives_the_models_bytes_and_a_card_with_its_origin"
    ),
    r"dvc (push|pull)|cd reset": f"{REMOTES}test_a_fresh_clone_pulls_and_has_nothing_to_run",
    r"dvc pull (report|models/.*|rank@.*)": (
        f"{REMOTES}test_a_part_is_pulled_alone_and_the_report_needs_no_pull"
    ),
    r"dvc (repro|repro --single-item|push|pull) (sample|predict|judge_\w+_instruction)\b.*": (
        "tests/pipeline/test_judge_elsewhere.py::"
        "test_samples_are_judged_on_another_machine_and_only_the_rest_runs_here"
    ),
    r"chmod -R u\+w .dvc/cache": f"{REMOTES}test_a_lost_or_damaged_file_is_an_error_and_comes_back",
    r"git tag .*|git push --tags|dvc (artifacts )?get .*": (
        f"{REMOTES}test_a_tagged_model_is_a_dvc_artifact_and_others_are_had_by_their_path"
    ),
    r".* scripts/preference_pairs.py .*": (
        "tests/selection/test_rank_stages.py::test_preference_pairs_are_what_trl_s_dpo_trainer_takes"
    ),
    r".* scripts/context_dependency.py .*": (
        "tests/tools/test_context_gain.py::test_the_script_keeps_the_rows_that_gain_enough"
    ),
    r"PYTHONPATH=src:\. python benchmarks/data.py --quick": (
        "tests/benchmarks/test_data.py::test_both_sides_write_the_same_prompts_and_the_last_line_is_the_result"
    ),
}
# -> why none does
NOWHERE = {
    r"python -m pip install .*vllm.*": "gigabytes from the package index",
    r"python benchmarks/training(_options)?.py": (
        "takes minutes; it is run by hand, and what it printed is kept"
    ),
    r"python -c .import torch, vllm; .*|python -m vllm\..*": (
        "vLLM is not among the tests' packages"
    ),
}


def blocks(document: Path) -> list[list[str]]:
    """The lines of each sh block, comments left out."""
    texts = [text for language, text in pieces(document.read_text())[1] if language == "sh"]
    return [
        [line for raw in text.splitlines() if (line := re.sub(r" *#.*", "", raw))] for text in texts
    ]


def in_copy(line: str) -> str | None:
    """What is run here for a documented line."""
    return next(
        (found.expand(run) for how, run in HERE.items() if (found := re.fullmatch(how, line))), None
    )


LINES = [line for document in DOCUMENTS for block in blocks(document) for line in block]
SCRIPTS = {
    f"{document}-{number}": script
    for document in DOCUMENTS
    for number, block in enumerate(blocks(document), 1)
    if (script := [run for line in block if (run := in_copy(line))])
}


def test_every_command_is_run_somewhere_or_has_a_reason_why_not():
    tables = (HERE, ELSEWHERE, NOWHERE)
    assert [
        line
        for line in LINES
        if not any(re.fullmatch(how, line) for table in tables for how in table)
    ] == []
    assert [
        how
        for table in tables
        for how in table
        if not any(re.fullmatch(how, line) for line in LINES)
    ] == []
    for name in ELSEWHERE.values():
        file, _, test = name.partition("::")
        assert f"\ndef {test}(" in Path(file).read_text(), name


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = clones.copy(tmp_path_factory.mktemp("commands") / "project")
    subprocess.run(["git", "tag", "start"], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("block", SCRIPTS)
def test_a_block_of_commands_runs(copy, block):
    fresh = (
        "git reset --quiet --hard start && git clean --quiet --force -d && ln -s"
        f" {clones.ROOT}/.venv .venv"
    )
    subprocess.run(["bash", "-ec", fresh], cwd=copy, check=True)
    run = ["bash", "-ec", "\n".join(SCRIPTS[block])]
    done = subprocess.run(run, cwd=copy, env=clones.environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.parametrize("page", ["docs/own-data.md", "docs/own-model-and-data.md"])
def test_own_data_go_through_as_the_page_says(tmp_path, quick_stages, page):
    _, found = pieces(Path(page).read_text())
    entry = next(
        yaml.safe_load(text) for language, text in found if language == "yaml" and "path:" in text
    )
    row = next(
        json.loads(text)
        for kind, text in pieces(Path("docs/own-data.md").read_text())[1]
        if kind == "json"
    )
    sets = {name: clones.DATASETS[name] for name in ("dolly", "nq")} | entry
    folder = clones.copy(tmp_path, clones.SMALL | {"data.datasets": sets}, fresh=True)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["data"]["datasets"]["manuals"]["source"]["path"] = "manuals.jsonl"
    params["data"]["datasets"]["manuals"]["eval"] = 2
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    texts = [f"{row['text']} Page {number}." for number in range(10)]
    rows = [row | {"nr": number, "text": text} for number, text in enumerate(texts)]
    (folder / "manuals.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    lines = next(block for block in blocks(Path(page)) if "manuals" in block[0])
    environment = clones.environment() | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        ["bash", "-ec", "\n".join(lines)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    assert len((folder / "data/prompts/manuals/train.jsonl").read_text().splitlines()) == 8
    assert '"kept": 8' in run.stdout and '"kept": 2' in run.stdout


def test_pickled_weights_are_converted_as_the_page_says(tmp_path):
    import torch

    model = tiny_llama.model()
    model.config.save_pretrained(tmp_path / "given")
    torch.save(model.state_dict(), tmp_path / "given/pytorch_model.bin")
    tiny_llama.tokenizer().save_pretrained(tmp_path / "given")
    line = next(
        line for line in LINES if line.startswith("python -c") and "AutoModelForCausalLM" in line
    )
    assert line.endswith(" owner/name my-chat")
    command = line.replace("owner/name", "given").replace("python", sys.executable, 1)
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, env=os.environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    check(tmp_path / "my-chat", "chat")

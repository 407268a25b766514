import json
import os
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
from dvc.utils.hydra import apply_overrides

from reset.core import io, params
from reset.core.errors import InputError
from reset.profiles import params_file
from tests.support import clones

PROFILES = [Path("params.yaml"), *sorted(Path("profiles").glob("*.yaml"))]
SCHEMA = Path("params.schema.json")


def changed(folder: Path, *changes: str) -> dict:
    """params.yaml after `dvc exp run -S …`."""
    shutil.copy("params.yaml", folder)
    apply_overrides(folder / "params.yaml", list(changes))
    return params.load(folder / "params.yaml")


@pytest.mark.parametrize("path", PROFILES, ids=str)
def test_a_profile_passes_the_check_and_the_schema(path):
    given = params.load(path)
    assert list(given["data"]["datasets"]) == list(params_file.check(given).data.datasets)
    jsonschema.validate(given, json.loads(SCHEMA.read_text()))


@pytest.mark.parametrize("path", PROFILES, ids=str)
def test_editors_find_the_schema_from_a_profile_and_from_its_copy(path):
    named = re.match(r"# yaml-language-server: \$schema=(.+)\n", path.read_text()).group(1)
    assert named == SCHEMA.name
    assert os.path.samefile(path.parent / named, SCHEMA)


def test_the_schema_is_that_of_the_settings(tmp_path):
    io.write_json(tmp_path / "schema.json", params_file.schema())
    assert (tmp_path / "schema.json").read_text() == SCHEMA.read_text(), (
        "run PYTHONPATH=src python scripts/params_schema.py"
    )


WRONG = [
    ("+train.rest.batch=1", "unknown key 'train.rest'"),
    ("ranking.dev=much", "'ranking.dev': expected a number, got 'much'"),
    ("ranking.dev=1.0", "'ranking.dev': expected below 1, got 1.0"),
    ("train.mtl.learning_rate=-1e-5", "'train.mtl.learning_rate': expected at least 0, got -1e-05"),
    ("train.mtl.batch=0", "'train.mtl.batch': expected at least 1, got 0"),
    ("train.mtl.epochs=-1", "'train.mtl.epochs': expected at least 0, got -1"),
    ("train.shared.eval_every=0", "'train.shared.eval_every': expected at least 1, got 0"),
    ("train.shared.warmup=3.0", "'train.shared.warmup': expected below 1, got 3.0"),
    ("train.shared.warmup=-0.5", "'train.shared.warmup': expected at least 0, got -0.5"),
    ("train.shared.lora={rank: 0, alpha: 8, dropout: 0}", "'train.shared.lora.rank': expected"),
    ("train.shared.micro_batch=atuo", "'train.shared.micro_batch': expected an integer or 'auto',"),
    ("train.shared.micro_batch=[]", "'train.shared.micro_batch': expected an integer or 'auto',"),
    ("train.shared.packing=[true]", r"'train.shared.packing': expected true or false or 'auto', g"),
    (f"train.mtl.learning_rate={10**310}", "'train.mtl.learning_rate': expected a finite number"),
    ("runs.pools=['A b']", r"'runs.pools\[0\]': expected a name of a-z, 0-9 and _, got 'A b'"),
    ("data.datasets=null", "'data.datasets': expected a mapping, got null"),
    ("sampling=5", "'sampling': expected a mapping, got 5"),
    ("train.shared.micro_batch=0", "'train.shared.micro_batch': expected at least 1 or 'auto'"),
    ("sampling.temperatures=[-0.1]", r"'sampling.temperatures\[0\]': expected at least 0, got"),
    ("sampling.top_k=[0]", r"'sampling.top_k\[0\]': expected at least 1, got 0"),
    ("sampling.pools.reset.rounds=0", "'sampling.pools.reset.rounds': expected at least 1, got 0"),
    ("sampling.workers=0", "'sampling.workers': expected at least 1, got 0"),
    ("evaluation.benchmarks.limit=0", "'evaluation.benchmarks.limit': expected at least 1, got 0"),
    ("judges.max_missing=1.5", "'judges.max_missing': expected at most 1, got 1.5"),
    ("train.shared.precision=fp8", "'train.shared.precision': expected 'fp32' or 'bf16', got"),
    ("data.mirror=5", "'data.mirror': expected text, got 5"),
    ("data.max_tokens=20", "no room is left for a prompt"),
    ("data.ngram=0", "data.ngram"),
    ("runs.evaluated=[mlt]", r"'runs.evaluated\[0\]': expected 'stage1', .*, got 'mlt'"),
    ("runs.continued=[reset]", r"'runs.evaluated\[9\]': reset_s is not trained; add it"),
    ("runs.pools=[reset_s]", r"'runs.continued\[0\]': reset needs the pool reset; add it"),
    ("models.nli.source=none", "'models.nli.source' is none, but .*abstractive is summac_zs,"),
    ("judges.faithfulness.extractive=minicheck", "'models.detector.source' is none, but"),
    ("runs.evaluated=[mtl,mtl]", r"'runs.evaluated\[1\]': mtl is given twice"),
    (
        "runs={pools: [reset_s], continued: [reset_s], start_models: [], evaluated: [mtl,direct],"
        " benchmarked: []}",
        r"'runs.evaluated\[1\]': direct needs the pool reset; add it",
    ),
    ("ranking.weights.task=-1", "'ranking.weights.task': expected at least 0, got -1"),
    ("runs.pools=[rest]", r"'runs.pools\[0\]': expected a pool of sampling.pools"),
    (
        "data.datasets.nq.source={path: x, task: extractive_qa, columns: {question: q}}",
        "'data.datasets.nq.source.columns' names no column for",
    ),
    ("sampling.vllm={tensor_parallel: 1}", "missing key 'sampling.vllm.memory'"),
    ("data.datasets.nq.train=-1", "data.datasets.nq.train"),
    ("seeds=31", r"'seeds': expected a list such as \[31\], got 31"),
    ("seeds=[]", "'seeds': expected a list"),
    ("seeds=[31,31]", r"'seeds\[1\]': 31 is given twice"),
    ("seeds=[-1]", r"'seeds\[0\]': expected an integer in \[0, 4294967296\), got -1"),
    ("seeds=[4294967296]", r"'seeds\[0\]': expected an integer in"),
    ("seeds=[010]", r"'seeds\[0\]': expected an integer in \[0, 4294967296\), got '010'"),
    ("seeds=['1;touch F']", r"'seeds\[0\]': expected an integer .*, got '1;touch F'"),
    ("seeds=[true]", r"'seeds\[0\]': expected an integer .*, got true"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_a_wrong_setting_is_named_before_any_stage_uses_it(tmp_path, change, message):
    given = changed(tmp_path, change)
    with pytest.raises(InputError, match=f"^params.yaml: .*{message}") as error:
        params.check_keys(given, params.load(params.REFERENCE), "params.yaml")
        params_file.check(given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("section", ["data.datasets", "sampling.pools"])
@pytest.mark.parametrize(
    "name", ["x;touch F", "$(touch F)", "X", "a b", "ä", "-rf", "a.b/../c", ""]
)
def test_a_name_that_a_shell_reads_as_more_than_a_word_is_refused(section, name):
    given = params.load("params.yaml")
    first, second = section.split(".")
    given[first][second][name] = next(iter(given[first][second].values()))
    with pytest.raises(InputError, match=r"expected a name of a-z, 0-9 and _"):
        params.check_names(given)


def test_words_that_other_readers_of_yaml_take_for_values_are_names():
    given = params.load("params.yaml")
    given["data"]["datasets"] |= {"no": given["data"]["datasets"]["nq"], "2024": {}}
    params.check_names(given)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("command", "old", "new"),
    [
        (["repro"], "seeds: [31]", "seeds: ['31;touch F']"),
        (["repro"], "    dolly:", "    'd;touch F':"),
        (["repro"], "pools: [reset,", "pools: ['r;touch F',"),
        (["repro"], "ranking:", "rankling: 1\nranking:"),
        (["exp", "run", "--temp"], "seeds: [31]", "seeds: ['31;touch F']"),
    ],
)
def test_dvc_runs_no_command_with_a_name_before_all_names_are_checked(tmp_path, command, old, new):
    folder = clones.copy(tmp_path, fresh=True)
    text = (folder / "params.yaml").read_text()
    assert old in text
    (folder / "params.yaml").write_text(text.replace(old, new, 1))
    told = clones.dvc(folder, *command, check=False)
    assert clones.ran(told) == ["check_params"]
    assert "error: params.yaml: " in told
    assert not list(folder.rglob("F"))

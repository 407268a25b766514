"""The documents against the project: their commands, parameters, stages, paths, links and
tables.
"""

import contextlib
import functools
import io
import itertools
import re
import shlex
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from reset.core import params
from reset.report import runs
from reset.tools import workload
from tests.pipeline import test_stale
from tests.support import graph

DOCUMENTS = [
    Path("README.md"),
    *sorted(Path("docs").glob("*.md")),
    Path("configs/launch/README.md"),
]
STAGES = graph.stages()
PARAMS, PAPER = params.load("params.yaml"), params.load("profiles/paper.yaml")
TREES = ("src/", "stages/", "tests/", "prompts/", "profiles/", "configs/", "benchmarks/", "docs/")
WRITTEN = (  # by stages, DVC and make, not by git
    ".work/",
    ".dvc/",
    ".venv/",
    "report/index.html",
    "report/compare.html",
    "report/this_run.html",
    "metrics/cost.json",
)
SHELL = ("cat", "cd", "chmod", "cp", "export", "git", "mkdir", "source", "python", "sbatch")


def pieces(text: str) -> tuple[str, list[tuple[str, str]]]:
    """A document without its fenced blocks, and these as (language, text)."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), blocks


def commands(document: Path) -> list[list[str]]:
    """The words of every command in the document's ```sh blocks, comments left out."""
    blocks = [text for language, text in pieces(document.read_text())[1] if language == "sh"]
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def own_sets(document: Path) -> set[str]:
    """Data sets that the document's yaml blocks add to the demo's."""
    blocks = [
        yaml.safe_load(text)
        for language, text in pieces(document.read_text())[1]
        if language == "yaml"
    ]
    return {
        name
        for block in blocks
        for name in block
        if isinstance(block[name], dict) and "source" in block[name]
    }


def listed(values: list[str] | str) -> list[str]:
    """The values of a matrix key, also where dvc.yaml takes them from `runs` of params.yaml."""
    if isinstance(values, list):
        return values
    kind = values.removeprefix("${runs.").removesuffix("}")
    return params.load("params.yaml")["runs"][kind]


def outputs() -> list[str]:
    """What stages write, with all items of their matrix, and `*` for seeds and data sets."""
    found = []
    for block in STAGES.values():
        matrix = {
            key: ["[0-9]*"] if key == "seed" else listed(values)
            for key, values in block.get("matrix", {}).items()
        }
        names = [
            next(iter(out)) if isinstance(out, dict) else out
            for out in block.get("outs", []) + block.get("plots", [])
        ]
        for values in itertools.product(*matrix.values()):
            item = {f"${{item.{key}}}": value for key, value in zip(matrix, values, strict=True)}
            found += [
                re.sub(r"\$\{[^}]*\}", lambda m, item=item: item.get(m[0], "*"), name)
                for name in names
            ]
    return found


OUTS = outputs()


@functools.cache
def edges() -> tuple[tuple[str, str], ...]:
    """(stage, stage that reads what it writes) by the items' full names, as DVC sees the graph."""
    from dvc.repo import Repo

    return tuple((before.name, after.name) for after, before in Repo(".").index.graph.edges)


def group(name: str) -> str:
    return name.split("@")[0]


def feeds(before: str, after: str) -> bool:
    """Whether an item of the stage `after` reads what one of `before` writes."""
    return any((group(a), group(b)) == (before, after) for a, b in edges())


def downstream(*names: str) -> set[str]:
    """The given stages and all that hang from their items."""
    found = queue = {item for edge in edges() for item in edge if group(item) in names}
    while queue:
        queue = {after for before, after in edges() if before in queue} - found
        found = found | queue
    return {group(item) for item in found}


def has_key(dotted: str) -> bool:
    """Whether some profile has the parameter; `<run>` and `*` stand for any key, also one of the
    user's own.
    """
    parts = re.sub(r"<\w+>", "*", dotted).split(".")
    return any(_has(profile, parts) for profile in (PARAMS, PAPER))


def _has(values, parts: list[str]) -> bool:
    if not parts:
        return True
    if not isinstance(values, dict):
        return False
    keys = values if parts[0] == "*" else [parts[0]] if parts[0] in values else []
    return any(_has(values[key], parts[1:]) for key in keys)


def exists(path: str) -> bool:
    """Whether a path is in the repository or is written by some stage."""
    name = path.rstrip("/")
    written = any(
        fnmatch(name, out) or fnmatch(name, f"{out}/*") or out.startswith(f"{name}/")
        for out in OUTS
    )
    return Path(name).exists() or written or path.startswith(WRITTEN)


def complaint(words: list[str], sets: set[str]) -> str | None:
    """What is wrong with a command, or None. `sets` are data sets beside the demo's."""
    while re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    program, rest = words[0], words[1:]
    if program == "make":
        return next(
            (f"no target '{word}' in the Makefile" for word in rest if not _has_target(word)), None
        )
    if program == "dvc":
        return _dvc_complaint(rest, sets)
    if program not in SHELL:
        return f"unknown program '{program}'"
    missing = [
        word
        for word in rest
        if word.startswith((*TREES, "data/", "metrics/", "models/")) and not exists(word)
    ]
    missing = [word for word in missing if not any(Path(word).stem == name for name in sets)]
    return f"no file '{missing[0]}'" if missing else None


def _has_target(word: str) -> bool:
    makefile = Path("Makefile").read_text()
    if "=" in word:
        return re.search(rf"^{word.split('=')[0]} \?=", makefile, re.M) is not None
    return re.search(rf"^{re.escape(word)}:", makefile, re.M) is not None


def _dvc_complaint(words: list[str], sets: set[str]) -> str | None:
    from dvc.cli import DvcParserError
    from dvc.cli.parser import get_main_parser

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            given = get_main_parser().parse_args(words)
    except (SystemExit, DvcParserError) as error:
        return f"dvc {' '.join(words)}: {error} {said.getvalue()[-300:]}"
    for setting in getattr(given, "set_param", None) or []:
        key, sign, value = setting.partition("=")
        if not (sign and value and has_key(key)):
            return f"no parameter '{key}'"
    targets = getattr(given, "targets", None) or []
    targets = [targets] if isinstance(targets, str) else targets
    return next(
        (f"no stage or output '{target}'" for target in targets if not _is_target(target, sets)),
        None,
    )


def _is_target(target: str, sets: set[str]) -> bool:
    if "/" in target:
        return any(fnmatch(target, out) for out in OUTS)
    stage, _, item = target.partition("@")
    if stage not in STAGES:
        return False
    if not item:
        return True
    matrix = STAGES[stage].get("matrix")
    if matrix is None:
        return item in {*PARAMS["data"]["datasets"], *sets}
    parts = item.split("-")
    return len(parts) == len(matrix) and all(
        part.isdigit() if key == "seed" else part in listed(matrix[key])
        for key, part in zip(matrix, parts, strict=True)
    )


# ---- what the checks themselves must find
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "make nothing",
        "make demo SEED=1",
        "dvc repro nothing",
        "dvc repro fetch@nothing",
        "dvc repro rank@reset",
        "dvc repro --nothing",
        "dvc nothing",
        "dvc exp run -S ranking.weights.nothing=1",
        "dvc pull models/nothing",
        "cp profiles/nothing.yaml params.yaml",
        "python benchmarks/nothing.py",
        "nothing",
    ],
)
def test_a_command_that_cannot_work_is_found(command):
    assert complaint(shlex.split(command), set())


@pytest.mark.parametrize(
    "command",
    [
        "make demo SEEDS=1",
        "dvc repro fetch@nq mix rank@reset-0",
        "dvc exp run -S data.datasets.nq.train=9",
        "dvc pull models/reset_21",
        "PYTHONPATH=src python benchmarks/data.py",
        "cat metrics/data/nq.json",
    ],
)
def test_a_command_that_works_passes(command):
    assert complaint(shlex.split(command), set()) is None


def test_the_checks_tell_what_is_there_from_what_is_not():
    assert has_key("train.<run>.batch") and not has_key("train.<run>.size")
    assert exists("metrics/data/nq.json") and not exists("metrics/nothing.json")
    assert feeds("mtl", "sample") and not feeds("sample", "mtl")


# ---- the documents
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_command_names_what_is_there(document):
    assert [
        found for words in commands(document) if (found := complaint(words, own_sets(document)))
    ] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_link_leads_somewhere(document):
    text, _ = pieces(document.read_text())
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = document.parent / name if name else document
        assert file.exists(), target
        headings = re.findall(r"^#+ (.*)$", file.read_text(), re.M) if anchor else []
        anchors = [
            re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings
        ]
        assert not anchor or anchor in anchors, target


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_file_and_parameter_in_the_text_is_there(document):
    text, _ = pieces(document.read_text())
    wrong = []
    for code in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text):
        if code.startswith((*TREES, "metrics/", "report/", "models/", "data/")) and re.fullmatch(
            r"[\w./*-]+", code
        ):
            wrong += [code] if not exists(code) else []
        dotted = re.match(
            r"((?:data|template|models|train|sampling|judges|ranking|evaluation|report)(?:\.[\w*<>]+)+)(: |$)",  # noqa: E501
            code,
        )
        if dotted and "/" not in code and not re.search(r"\.(md|html|jsonl|json|csv)$", code):
            wrong += [code] if not has_key(dotted[1]) else []
    assert wrong == []


def test_the_first_screen_has_the_two_commands():
    words = commands(Path("README.md"))[:2]
    assert words == [["make", "demo"], ["make", "test"]]
    assert Path("README.md").read_text().index("make test") < 1500


@pytest.mark.parametrize(
    ("page", "study"),
    [
        ("README.md", "study"),
        ("docs/results.md", "study"),
        ("README.md", "real_text"),
        ("docs/real-text.md", "real_text"),
    ],
)
def test_a_page_has_one_place_for_a_study(page, study):
    start, end = f"<!-- {study}:start -->", f"<!-- {study}:end -->"
    text = Path(page).read_text()
    assert text.count(start) == text.count(end) == 1 and text.index(start) < text.index(end)


def test_the_picture_shows_every_stage_and_only_arrows_that_the_graph_has():
    picture = next(
        text
        for language, text in pieces(Path("docs/pipeline.md").read_text())[1]
        if language == "mermaid"
    )
    shown: set[str] = set()
    arrows: list[tuple[str, str]] = []
    for line in picture.splitlines()[1:]:
        if "subgraph" in line or line.strip() == "end":
            continue
        steps = [[name.strip() for name in step.split("&")] for step in line.split("-->")]
        shown |= {name for step in steps for name in step}
        for before, after in zip(steps, steps[1:], strict=False):
            arrows += [(a, b) for a in before for b in after]
    assert shown == set(STAGES)
    absent = {"judge_probe", "benchmark"}  # the demo's graph has no item of them
    assert [arrow for arrow in arrows if not absent & set(arrow) and not feeds(*arrow)] == []


def table(document: str, heading: str) -> list[list[str]]:
    """The cells of the first table whose head begins with `heading`, without head and rule."""
    lines = Path(document).read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_runs_and_their_starts_are_those_of_the_study():
    rows = table("docs/pipeline.md", "run | starts from")
    assert [codes(row[0])[0] for row in rows] == list(runs.LEGEND)
    assert {codes(row[0])[0]: codes(row[1])[0] for row in rows if codes(row[1])} == runs.START


def test_what_we_assume_is_what_the_paper_profile_has():
    said = [
        code for row in table("docs/paper.md", "what") for code in codes(row[2]) if ": " in code
    ]
    wrong = []
    for key, value in (code.split(": ", 1) for code in said):
        found = PAPER
        for part in key.split("."):
            found = found[part]
        wrong += [] if found == yaml.safe_load(value) else [(key, value, found)]
    assert len(said) > 15 and wrong == []


def test_the_table_of_changes_is_the_one_that_is_tested():
    rows = table("docs/change-propagation.md", "parameter")
    assert {key: codes(row[1]) for row in rows for key in codes(row[0])} == test_stale.STALE


def test_what_follows_a_change_is_what_the_graph_says():
    rows = table("docs/change-propagation.md", "change")
    for changed, ran in rows:
        first = test_stale.STALE[codes(changed)[0]]
        assert set(codes(ran)) == downstream(*first), changed


def test_the_judges_estimate_is_what_make_estimate_would_say(tmp_path, monkeypatch):
    from reset.judges.common.verdicts import Generations
    from reset.judges.instruction import cost, pending
    from reset.judges.instruction.reply_store import Store
    from reset.judges.instruction.settings import InstructionSettings
    from reset.tools import judge_cost

    requests = 280  # 100 of Alpaca, 80 of Vicuna, 100 of Koala
    monkeypatch.setattr(judge_cost, "evaluation_texts", lambda *_: requests)
    monkeypatch.setattr(Generations, "path", tmp_path / "absent")
    judges = params.build(InstructionSettings, PAPER["judges"]["instruction"], "judges.instruction")
    settings = judges.openai
    total = cost.Estimate()
    with Store(tmp_path / "judge.sqlite") as store:
        for item in pending.items(params.load("dvc.yaml"), PAPER):
            total = total + judge_cost.estimate_cost(item, judges, PAPER, {}, store)[0]
    text = Path("docs/a100.md").read_text()
    assert f"{total.texts:,} texts" in text
    assert f"{total.usd:,.0f} USD" in text and total.usd < settings.budget_usd
    assert f"budget_usd` of {settings.budget_usd:.0f}" in text


def test_the_draws_of_a_seed_are_those_of_the_paper_profile():
    drawn = workload.draws(PAPER)
    both_rounds = workload.draws({**PAPER, "runs": {"pools": ["reset_s"]}})
    shared = both_rounds // PAPER["sampling"]["pools"]["reset_s"]["rounds"]
    assert f"{shared:,} of {drawn:,} draws a seed" in Path("docs/foot-guns.md").read_text()
    assert f"{drawn:,} samples of a seed" in Path("docs/cluster.md").read_text()

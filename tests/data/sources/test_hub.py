"""The real loading code against a small hub on this machine. Nothing here touches the network."""

import json

import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.data.sources import fetch, hub, origins, provenance
from reset.data.sources.origins import Hub, Web
from tests.support import local_hub

CNN = [
    {"id": f"{n:040x}", "article": f"Article {n}.", "highlights": f"Point {n} ."} for n in range(3)
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with local_hub.serve(tmp_path_factory.mktemp("hub")) as served:
        yield served


@pytest.fixture
def shelf(server, tmp_path, monkeypatch):
    """The hub without repositories, instead of the real one; no cache is shared with other
    tests.
    """
    import datasets
    from huggingface_hub import HfFileSystem, constants

    shelf, url = server
    shelf.refs.clear()
    HfFileSystem.clear_instance_cache()
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}",
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", url)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets.disable_progress_bars()
    yield shelf
    HfFileSystem.clear_instance_cache()


def unpinned(monkeypatch, name, **change):
    """A published set's entry that takes the newest commit, as the made-up repositories have none
    of the real ones.
    """
    old = origins.ORIGINS[name]
    new = Hub(old.id, old.splits, old.config, None, old.file, old.subset, **change)
    monkeypatch.setitem(origins.ORIGINS, name, new)


def fetched(dataset):
    """All rows of a data set, and where they came from."""
    found = []
    rows = list(provenance.count_rows(hub.parts(dataset), found))
    return rows, found


def parquet(path, rows):
    import pyarrow
    from pyarrow import parquet as writer

    path.parent.mkdir(parents=True, exist_ok=True)
    writer.write_table(pyarrow.Table.from_pylist(rows), path)


def card(folder, **configs):
    """The dataset card by which the hub knows configurations and splits."""
    lines = ["---", "configs:"]
    for name, splits in configs.items():
        lines += [f"- config_name: {name}", "  data_files:"]
        lines += [f"  - split: {split}\n    path: {pattern}" for split, pattern in splits.items()]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))


def cnn_repository(shelf):
    folder = shelf.repository("abisee/cnn_dailymail")
    parquet(folder / "3.0.0/train-00000-of-00001.parquet", CNN)
    parquet(folder / "3.0.0/test-00000-of-00001.parquet", CNN[:1])
    splits = {"train": "3.0.0/train-*", "test": "3.0.0/test-*"}
    card(folder, **{"1.0.0": {"train": "3.0.0/test-*"}, "3.0.0": splits})
    return folder.name


def test_a_parquet_repository_gives_the_rows_of_its_splits_and_the_commit(shelf, monkeypatch):
    unpinned(monkeypatch, "cnn_dailymail", rows={"train": 3})
    commit = cnn_repository(shelf)
    rows, found = fetched("cnn_dailymail")
    assert rows == [row | {"split": "train"} for row in CNN] + [CNN[0] | {"split": "eval"}]
    place = f"hf://datasets/abisee/cnn_dailymail@{commit}"
    assert found == [
        {"from": f"{place} (train)", "rows": 3},
        {"from": f"{place} (test)", "rows": 1},
    ]


def test_an_incomplete_copy_is_an_error(shelf, monkeypatch):
    unpinned(monkeypatch, "cnn_dailymail", rows=origins.ORIGINS["cnn_dailymail"].rows)
    cnn_repository(shelf)
    with pytest.raises(InputError, match="split 'train' has 3 rows on the hub, not 287113"):
        fetched("cnn_dailymail")


def test_a_json_repository_of_one_split_adds_no_column(shelf, monkeypatch):
    unpinned(monkeypatch, "dolly")
    row = {"instruction": "i", "context": "", "response": "r", "category": "open_qa"}
    io.write(
        shelf.repository("databricks/databricks-dolly-15k") / "databricks-dolly-15k.jsonl",
        [row] * 2,
    )
    assert fetched("dolly")[0] == [row] * 2


def test_a_repository_with_a_loading_script_is_read_from_its_parquet_branch(shelf):
    (shelf.repository("yizhongw/self_instruct") / "self_instruct.py").write_text(
        "raise SystemExit('never run')"
    )
    branch = shelf.repository("yizhongw/self_instruct", "refs/convert/parquet")
    rows = [{"prompt": "Task: p\n\nOutput:", "completion": " c<|endoftext|>"}]
    parquet(branch / "self_instruct/train/0000.parquet", rows)
    place = f"hf://datasets/yizhongw/self_instruct@{branch.name} (train)"
    assert fetched("self_instruct") == (rows, [{"from": place, "rows": 1}])


def test_one_file_is_picked_where_a_repository_holds_several_shapes(shelf, monkeypatch):
    unpinned(monkeypatch, "sharegpt")
    folder = shelf.repository("anon8231489123/ShareGPT_Vicuna_unfiltered")
    row = {
        "id": "a_0",
        "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}],
    }
    (folder / "ShareGPT_V3_unfiltered_cleaned_split.json").write_text(json.dumps([row]))
    (folder / "sg_90k_part1_html_cleaned.json").write_text(json.dumps([{"id": "x", "items": []}]))
    assert fetched("sharegpt")[0] == [row]


def test_columns_of_lists_come_as_the_hub_has_them(shelf, monkeypatch):
    unpinned(monkeypatch, "ms_marco")
    row = {
        "query_id": 1,
        "query": "q",
        "query_type": "ENTITY",
        "answers": ["a"],
        "wellFormedAnswers": [],
        "passages": {"is_selected": [0, 1], "passage_text": ["x", "y"], "url": ["u", "v"]},
    }
    folder = shelf.repository("microsoft/ms_marco")
    for split in ("train", "validation"):
        parquet(folder / f"v2.1/{split}-00000-of-00001.parquet", [row])
    card(folder, **{"v2.1": {"train": "v2.1/train-*", "validation": "v2.1/validation-*"}})
    assert fetched("ms_marco")[0] == [row | {"split": "train"}, row | {"split": "eval"}]


def test_mrqa_rows_are_those_of_the_subset_and_without_word_lists(shelf, monkeypatch):
    def row(subset):
        return {
            "subset": subset,
            "context": "c",
            "question": "q",
            "answers": ["a"],
            "qid": subset,
            "context_tokens": {"tokens": ["c"], "offsets": [0]},
        }

    for name in ("nq", "bioasq"):
        unpinned(monkeypatch, name)
    folder = shelf.repository("mrqa-workshop/mrqa")
    for split in ("train", "validation", "test"):
        rows = [row("NaturalQuestionsShort"), row("SearchQA"), row("BioASQ")]
        parquet(folder / f"plain_text/{split}-00000-of-00001.parquet", rows)
    card(
        folder,
        plain_text={split: f"plain_text/{split}-*" for split in ("train", "validation", "test")},
    )
    assert [(row["qid"], row["split"]) for row in fetched("nq")[0]] == [
        ("NaturalQuestionsShort", "train"),
        ("NaturalQuestionsShort", "eval"),
    ]
    assert fetched("bioasq")[0] == [
        {"subset": "BioASQ", "context": "c", "question": "q", "answers": ["a"], "qid": "BioASQ"}
    ]


def test_a_moving_branch_is_told_and_a_pinned_commit_is_taken_whatever_the_branch_says(
    shelf, monkeypatch, capsys
):
    old = shelf.repository("d0rj/wikisum", "older")
    new = shelf.repository("d0rj/wikisum")
    for folder, text in ((old, "old"), (new, "new")):
        parquet(folder / "data/test-00000.parquet", [{"article": text, "summary": "s"}])
    rows, [part] = fetched("wikisum")
    assert (rows[0]["article"], part["from"]) == (
        "new",
        f"hf://datasets/d0rj/wikisum@{new.name} (test)",
    )
    assert (
        f"no pinned revision is known; taking the newest, hf://datasets/d0rj/wikisum@{new.name}"
        in (capsys.readouterr().err)
    )
    monkeypatch.setitem(
        origins.ORIGINS, "wikisum", Hub("d0rj/wikisum", {"eval": "test"}, revision=old.name)
    )
    rows, [part] = fetched("wikisum")
    assert (rows[0]["article"], part["from"]) == (
        "old",
        f"hf://datasets/d0rj/wikisum@{old.name} (test)",
    )
    assert capsys.readouterr().err == ""


def test_a_revision_that_does_not_exist_is_one_sentence_and_no_other_is_taken(shelf, monkeypatch):
    gone = "0123456789" * 4
    monkeypatch.setitem(
        origins.ORIGINS, "wikisum", Hub("d0rj/wikisum", {"eval": "test"}, revision=gone)
    )
    parquet(
        shelf.repository("d0rj/wikisum") / "data/test-00000.parquet",
        [{"article": "new", "summary": "s"}],
    )
    with pytest.raises(InputError) as error:
        fetched("wikisum")
    assert (
        str(error.value)
        == "data set 'wikisum': 'd0rj/wikisum' cannot be loaded from the hub (it has no revision"
        f" '{gone}'); set data.mirror to a folder with wikisum.jsonl in the published columns"
    )


def test_all_that_was_tried_is_said(shelf):
    with pytest.raises(
        InputError,
        match=r"'main': RepositoryNotFoundError.*'refs/convert/parquet': Repo.*data.mirror",
    ):
        fetched("wikisum")
    (shelf.repository("d0rj/wikisum") / "wikisum.py").write_text("")
    with pytest.raises(
        InputError, match=r"'main': .*wikisum\.py; it has no revision 'refs/convert/parquet'\)"
    ):
        fetched("wikisum")


def test_every_pinned_revision_is_a_whole_commit():
    pins = [
        where.revision
        for where in origins.ORIGINS.values()
        if isinstance(where, Hub) and where.revision
    ]
    assert len(pins) >= 9
    assert all(len(pin) == 40 and set(pin) <= set("0123456789abcdef") for pin in pins)


def test_files_on_the_web_are_read_line_by_line(shelf, server, monkeypatch):
    folder = shelf.repository("some/koala")
    url = f"{server[1]}/datasets/some/koala/resolve/main/koala.jsonl"
    monkeypatch.setitem(origins.ORIGINS, "koala_eval", Web(url))
    io.write(folder / "koala.jsonl", [{"id": "koala_0", "prompt": "p"}])
    assert fetched("koala_eval") == ([{"id": "koala_0", "prompt": "p"}], [{"from": url, "rows": 1}])
    (folder / "koala.jsonl").write_bytes(b'{"id": "koala_0"}\n{broken\n')
    with pytest.raises(InputError, match=r"koala\.jsonl:2: not JSON"):
        fetched("koala_eval")
    (folder / "koala.jsonl").unlink()
    with pytest.raises(
        InputError, match=r"data set 'koala_eval': http.*koala\.jsonl cannot be read \(.*404"
    ):
        fetched("koala_eval")


def test_of_a_users_data_set_the_mapped_columns_and_splits_are_taken(shelf):
    folder = shelf.repository("me/manuals")
    for split in ("train", "test"):
        row = {"text": f"{split} text", "gold": "text", "day": "1 May"}
        io.write(folder / f"{split}.jsonl", [row])

    def rows(**changes):
        source = {
            "hub": "me/manuals",
            "task": "summarization",
            "columns": {"context": "text", "references": "gold"},
        }
        return list(provenance.count_rows(fetch.parts("mine", source | changes, "toy", None), []))

    train = {"text": "train text", "gold": "text"}
    assert rows() == [train]
    assert rows(splits={"train": "train", "eval": "test"}) == [
        train | {"split": "train"},
        {"text": "test text", "gold": "text", "split": "eval"},
    ]
    with pytest.raises(InputError, match="no column 'body'; it has .*gold"):
        rows(columns={"context": "body"})
    with pytest.raises(InputError, match="'me/others' cannot be loaded .*source, or name a file"):
        rows(hub="me/others")

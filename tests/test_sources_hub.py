"""The real loading code against a folder in the hub's layout. Nothing here touches the network."""

import json

import pytest

from reset import records
from reset.errors import InputError
from reset.sources import hub, origins
from reset.sources.origins import Hub

CNN = [{"id": f"{n:040x}", "article": f"Article {n}.", "highlights": f"Point {n} ."} for n in range(3)]


@pytest.fixture(autouse=True)
def no_shared_cache(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets.disable_progress_bars()


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


def cnn_repository(root, rows):
    folder = root / "abisee/cnn_dailymail"
    parquet(folder / "3.0.0/train-00000-of-00001.parquet", rows)
    parquet(folder / "3.0.0/validation-00000-of-00001.parquet", rows[:1])
    splits = {"train": "3.0.0/train-*", "validation": "3.0.0/validation-*"}
    card(folder, **{"1.0.0": {"train": "3.0.0/validation-*"}, "3.0.0": splits})


def test_a_parquet_repository_gives_the_rows_of_its_splits(tmp_path, monkeypatch):
    monkeypatch.setitem(origins.ORIGINS["cnn_dailymail"].rows, "train", 3)
    cnn_repository(tmp_path, CNN)
    rows = list(hub.rows("cnn_dailymail", tmp_path))
    assert rows == [row | {"split": "train"} for row in CNN] + [CNN[0] | {"split": "eval"}]


def test_an_incomplete_copy_is_an_error(tmp_path):
    cnn_repository(tmp_path, CNN)
    with pytest.raises(InputError, match="split 'train' has 3 rows on the hub, not 287113"):
        list(hub.rows("cnn_dailymail", tmp_path))


def test_a_json_repository_of_one_split_adds_no_column(tmp_path):
    row = {"instruction": "i", "context": "", "response": "r", "category": "open_qa"}
    records.write(tmp_path / "databricks/databricks-dolly-15k/databricks-dolly-15k.jsonl", [row] * 2)
    assert list(hub.rows("dolly", tmp_path)) == [row] * 2


def test_a_repository_with_a_loading_script_is_read_from_its_parquet_branch(tmp_path):
    (tmp_path / "yizhongw/self_instruct").mkdir(parents=True)
    (tmp_path / "yizhongw/self_instruct/self_instruct.py").write_text("raise SystemExit('never run')")
    rows = [{"prompt": "Task: p\n\nOutput:", "completion": " c<|endoftext|>"}]
    parquet(tmp_path / "yizhongw/self_instruct@refs%2Fconvert%2Fparquet/self_instruct/train/0000.parquet", rows)
    assert list(hub.rows("self_instruct", tmp_path)) == rows


def test_one_file_is_picked_where_a_repository_holds_several_shapes(tmp_path):
    folder = tmp_path / "anon8231489123/ShareGPT_Vicuna_unfiltered"
    folder.mkdir(parents=True)
    row = {"id": "a_0", "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]}
    (folder / "ShareGPT_V3_unfiltered_cleaned_split.json").write_text(json.dumps([row]))
    (folder / "sg_90k_part1_html_cleaned.json").write_text(json.dumps([{"id": "x", "items": []}]))
    assert list(hub.rows("sharegpt", tmp_path)) == [row]


def test_columns_of_lists_come_as_the_hub_has_them(tmp_path):
    row = {
        "query_id": 1, "query": "q", "query_type": "ENTITY", "answers": ["a"], "wellFormedAnswers": [],
        "passages": {"is_selected": [0, 1], "passage_text": ["x", "y"], "url": ["u", "v"]},
    }  # fmt: skip
    folder = tmp_path / "microsoft/ms_marco"
    for split in ("train", "validation"):
        parquet(folder / f"v2.1/{split}-00000-of-00001.parquet", [row])
    card(folder, **{"v2.1": {"train": "v2.1/train-*", "validation": "v2.1/validation-*"}})
    assert list(hub.rows("ms_marco", tmp_path)) == [row | {"split": "train"}, row | {"split": "eval"}]


def test_mrqa_rows_are_those_of_the_subset_and_without_word_lists(tmp_path):
    def row(subset):
        return {"subset": subset, "context": "c", "question": "q", "answers": ["a"], "qid": subset,
                "context_tokens": {"tokens": ["c"], "offsets": [0]}}  # fmt: skip

    folder = tmp_path / "mrqa-workshop/mrqa"
    for split in ("train", "validation", "test"):
        rows = [row("NaturalQuestionsShort"), row("SearchQA"), row("BioASQ")]
        parquet(folder / f"plain_text/{split}-00000-of-00001.parquet", rows)
    card(folder, plain_text={split: f"plain_text/{split}-*" for split in ("train", "validation", "test")})
    assert [(row["qid"], row["split"]) for row in hub.rows("nq", tmp_path)] == [
        ("NaturalQuestionsShort", "train"),
        ("NaturalQuestionsShort", "eval"),
    ]
    assert list(hub.rows("bioasq", tmp_path)) == [
        {"subset": "BioASQ", "context": "c", "question": "q", "answers": ["a"], "qid": "BioASQ"}
    ]


def test_a_pinned_revision_is_taken_and_no_other(tmp_path, monkeypatch):
    pinned = Hub("d0rj/wikisum", {"eval": "test"}, revision="abc123")
    monkeypatch.setitem(origins.ORIGINS, "wikisum", pinned)
    parquet(tmp_path / "d0rj/wikisum/data/test-00000.parquet", [{"article": "new", "summary": "s"}])
    with pytest.raises(InputError, match="'wikisum': 'd0rj/wikisum' cannot be loaded .*revision abc123"):
        list(hub.rows("wikisum", tmp_path))
    parquet(tmp_path / "d0rj/wikisum@abc123/data/test-00000.parquet", [{"article": "old", "summary": "s"}])
    assert [row["article"] for row in hub.rows("wikisum", tmp_path)] == ["old"]


def test_all_that_was_tried_is_said(tmp_path):
    with pytest.raises(InputError) as error:
        list(hub.rows("wikisum", tmp_path))
    for part in ("the repository:", "its Parquet branch:", "the Parquet files:", "data.mirror", "wikisum.jsonl"):
        assert part in str(error.value)


def test_an_unpinned_revision_is_said(tmp_path, capsys):
    parquet(tmp_path / "d0rj/wikisum/data/test-00000.parquet", [{"article": "a", "summary": "s"}])
    list(hub.rows("wikisum", tmp_path))
    assert "no pinned revision is known" in capsys.readouterr().err


def test_files_on_the_web_are_pinned_and_read_line_by_line(tmp_path):
    url = origins.ORIGINS["koala_eval"].url
    path = tmp_path / url.removeprefix("https://")
    records.write(path, [{"id": "koala_0", "prompt": "p"}])
    assert list(hub.rows("koala_eval", tmp_path)) == [{"id": "koala_0", "prompt": "p"}]
    path.write_bytes(b'{"id": "koala_0"}\n{broken\n')
    with pytest.raises(InputError, match=r"koala_test_set\.jsonl:2: not JSON"):
        list(hub.rows("koala_eval", tmp_path))
    with pytest.raises(InputError, match="vicuna_eval.*cannot be read"):
        list(hub.rows("vicuna_eval", tmp_path))

import json

import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.data.sources import mirror, provenance

MRQA = ("SQuAD", "NaturalQuestionsShort", "TriviaQA-web", "SearchQA", "BioASQ")


def rows(folder, name):
    """What the fetch stage writes to data/raw."""
    return list(provenance.count_rows(mirror.parts(folder, name), []))


def parquet(path, given):
    import pyarrow
    from pyarrow import parquet as writer

    path.parent.mkdir(parents=True, exist_ok=True)
    writer.write_table(pyarrow.Table.from_pylist(given), path)


def mrqa(split):
    return [
        {
            "subset": subset,
            "qid": f"{subset} {split} {n}",
            "context": "c",
            "question": "q",
            "answers": ["c"],
        }
        for subset in MRQA
        for n in range(2)
    ]


def test_a_publishers_files_of_splits_give_their_roles(tmp_path):
    for name in ("train_v2.1.json", "dev_v2.1.json"):
        (tmp_path / "ms_marco").mkdir(exist_ok=True)
        (tmp_path / "ms_marco" / name).write_text(json.dumps([{"from": name}]))
    assert rows(tmp_path, "ms_marco") == [
        {"from": "dev_v2.1.json", "split": "eval"},
        {"from": "train_v2.1.json", "split": "train"},
    ]


def test_a_split_that_the_hub_does_not_name_stands_alone_or_is_left_out(tmp_path, capsys):
    io.write(tmp_path / "searchqa/test.jsonl", [{"n": 1}])
    assert rows(tmp_path, "searchqa") == [{"n": 1, "split": "test"}]
    assert capsys.readouterr().err == ""
    io.write(tmp_path / "searchqa/val.jsonl", [{"n": 2}])
    assert rows(tmp_path, "searchqa") == [{"n": 2}]
    assert capsys.readouterr().err.endswith(
        "not of this set's file, config and splits: test.jsonl\n"
    )


def test_files_that_are_not_named_after_splits_are_one_set(tmp_path):
    (tmp_path / "bioasq").mkdir()
    (tmp_path / "bioasq/7B1_golden.json").write_text(json.dumps({"questions": [{"id": "1"}]}))
    (tmp_path / "bioasq/test_golden.json").write_text(json.dumps({"questions": [{"id": "2"}]}))
    assert rows(tmp_path, "bioasq") == [{"id": "1"}, {"id": "2"}]


def test_searchqa_clues_come_one_a_file(tmp_path):
    clue = {
        "id": 1,
        "question": "q",
        "answer": "a",
        "search_results": [{"title": "t", "snippet": "a"}],
    }
    (tmp_path / "searchqa").mkdir()
    for number in (1, 2):
        (tmp_path / f"searchqa/{number}.json").write_text(json.dumps(clue | {"id": number}))
    assert [row["id"] for row in rows(tmp_path, "searchqa")] == [1, 2]


@pytest.mark.parametrize(
    "place", ["nq.parquet", "nq.jsonl", "nq/plain_text/train-00000-of-00001.parquet"]
)
def test_of_mrqas_rows_those_of_the_subset_are_taken(tmp_path, place):
    (io.write if place.endswith("jsonl") else parquet)(tmp_path / place, mrqa("train"))
    assert [row["qid"] for row in rows(tmp_path, "nq")] == [
        f"NaturalQuestionsShort train {n}" for n in range(2)
    ]


def test_a_file_without_a_row_of_the_subset_is_an_error(tmp_path):
    io.write(tmp_path / "nq.jsonl", mrqa("train")[:2])
    with pytest.raises(InputError, match=r"nq\.jsonl: no row of the subset 'NaturalQuestions'"):
        rows(tmp_path, "nq")


@pytest.mark.parametrize(
    "folder", ["plain_text/{}-00000-of-00001.parquet", "default/{}/0000.parquet"]
)
def test_each_set_takes_its_own_splits_of_mrqa_as_from_the_hub(tmp_path, folder):
    for name in ("nq", "bioasq", "searchqa"):
        for split in ("train", "validation", "test"):
            parquet(tmp_path / name / folder.format(split), mrqa(split))
    assert [(row["qid"], row["split"]) for row in rows(tmp_path, "nq")] == [
        ("NaturalQuestionsShort train 0", "train"),
        ("NaturalQuestionsShort train 1", "train"),
        ("NaturalQuestionsShort validation 0", "eval"),
        ("NaturalQuestionsShort validation 1", "eval"),
    ]
    assert [(row["qid"], row.get("split")) for row in rows(tmp_path, "bioasq")] == [
        ("BioASQ test 0", None),
        ("BioASQ test 1", None),
    ]
    assert [row["qid"] for row in rows(tmp_path, "searchqa")] == [
        "SearchQA validation 0",
        "SearchQA validation 1",
    ]


def test_exports_beside_the_hubs_table_are_left_out(tmp_path, capsys):
    io.write(tmp_path / "oasst1/2023-04-12_oasst_ready.messages.jsonl", [{"n": 1}])
    for split in ("train", "validation"):
        parquet(tmp_path / f"oasst1/data/{split}-00000-of-00001.parquet", [{"n": split}])
    assert rows(tmp_path, "oasst1") == [{"n": "train"}]
    assert "2023-04-12_oasst_ready.messages.jsonl" in capsys.readouterr().err


def test_alpacas_only_split_evaluates_whatever_its_name(tmp_path):
    row = {"instruction": "i", "input": "", "output": "o"}
    parquet(tmp_path / "alpaca/data/train-00000-of-00001.parquet", [row])
    assert rows(tmp_path, "alpaca") == [row]


def test_one_configuration_is_taken_where_a_folder_holds_several(tmp_path, capsys):
    for version in ("v1.1", "v2.1"):
        for split in ("train", "validation", "test"):
            parquet(
                tmp_path / f"ms_marco/{version}/{split}-00000-of-00001.parquet",
                [{"n": f"{version} {split}"}],
            )
    assert rows(tmp_path, "ms_marco") == [
        {"n": "v2.1 train", "split": "train"},
        {"n": "v2.1 validation", "split": "eval"},
    ]
    assert "v2.1/test-00000-of-00001.parquet" in capsys.readouterr().err


def test_one_file_is_taken_where_a_folder_holds_the_whole_repository(tmp_path):
    for name in (
        "ShareGPT_V3_unfiltered_cleaned_split.json",
        "HTML_cleaned_raw_dataset/sg_90k_part1.json",
    ):
        io.write_json(tmp_path / "sharegpt" / name, [{"from": name}])
    assert rows(tmp_path, "sharegpt") == [{"from": "ShareGPT_V3_unfiltered_cleaned_split.json"}]


def test_a_set_that_the_mirror_lacks_is_named_with_what_there_is(tmp_path):
    io.write(tmp_path / "nq.jsonl", mrqa("train"))
    with pytest.raises(
        InputError, match=r"'wikisum' is not in the mirror \(nq\.jsonl\).*data\.datasets"
    ):
        mirror.parts(tmp_path, "wikisum")
    with pytest.raises(InputError, match="'data.mirror' is .*no folder"):
        mirror.parts(tmp_path / "none", "nq")
    with pytest.raises(InputError, match="'data.datasets.mine' is no published data set"):
        mirror.parts(tmp_path, "mine")

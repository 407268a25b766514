"""The demo world publishes what the real sets publish, noise and unusable rows included."""

import subprocess
import sys

import pytest

from reset.core.errors import InputError
from reset.world.datasets.instruction_sets import TRAINING_SETS
from reset.world.datasets.publish import PUBLISHERS, rows
from reset.world.language.people import World
from reset.world.language.vocabulary import REPORT, SEEN_RELATIONS, UNSEEN_RELATIONS

WORLD = World(
    seed=3,
    context_rows=200,
    instruction_rows=60,
    evaluation_rows=50,
    extra_sentence=0.7,
    memorised_answer=0.5,
    obedience=0.4,
)
COLUMNS = {
    "dolly": "instruction context response category",
    "sharegpt": "id conversations",
    "self_instruct": "prompt completion",
    "oasst1": (
        "message_id parent_id user_id created_date text role lang review_count review_result"
        " deleted rank synthetic model_name detoxify message_tree_id tree_state emojis labels"
    ),
    "alpaca": "instruction input output text",
    "vicuna_eval": "question_id category turns",
    "koala_eval": "id prompt",
    "nq": "question answers ctxs",
    "ms_marco": "answers passages query query_id query_type wellFormedAnswers",
    "cnn_dailymail": "article highlights id",
    "searchqa": "id question answer category value round air_date show_number search_results",
    "wikisum": "url title summary article step_headers",
}


@pytest.mark.parametrize("dataset", COLUMNS)
def test_rows_have_the_published_columns_and_a_split(dataset):
    for row in rows(dataset, WORLD):
        assert set(row) == {*COLUMNS[dataset].split(), "split"}


def test_equal_worlds_publish_equal_rows_and_other_seeds_do_not():
    other = World(**{**_fields(WORLD), "seed": 4})
    for dataset in PUBLISHERS:
        assert rows(dataset, WORLD) == rows(dataset, World(**_fields(WORLD)))
        assert rows(dataset, WORLD) != rows(dataset, World(**_fields(other)))


def test_an_unknown_set_is_an_error_that_names_the_known_ones():
    with pytest.raises(InputError, match="squad.*dolly"):
        rows("squad", WORLD)


@pytest.mark.parametrize(
    "dataset, name", [("dolly", "instruction_rows"), ("alpaca", "evaluation_rows")]
)
def test_more_requests_than_exist_are_refused(dataset, name):
    with pytest.raises(InputError, match=name):
        rows(dataset, World(**{**_fields(WORLD), name: 5000}))


def test_evaluation_has_its_requests_where_training_has_next_to_none():
    world = World(**{**_fields(WORLD), "instruction_rows": 2})
    assert len(rows("alpaca", world)) == world.evaluation_rows + 4 * 2


def test_training_and_test_people_are_disjoint():
    people = WORLD.people
    assert not set(people.everyone("train")) & set(people.everyone("test"))
    words = {
        word
        for row in rows("nq", WORLD)
        if row["split"] == "test"
        for c in row["ctxs"]
        for word in c["text"].split()
    }
    assert not words & set(people.everyone("train"))


def test_passages_contradict_what_is_remembered():
    memory = WORLD.people.memory
    for row in rows("nq", WORLD):
        for sentence in " ".join(c["text"] for c in row["ctxs"]).split(". "):
            name, verb, value = sentence.rstrip(".").split()
            assert memory.get(name, {}).get(verb) != value


def test_every_usable_question_is_answered_by_exactly_one_passage():
    for row in [r for r in rows("nq", WORLD) if r["answers"] != ["nothing of the kind"]]:
        said = f"{row['question'].removesuffix(' what?')} {row['answers'][-1]}."
        assert len(row["ctxs"]) == 5
        assert sum(said in c["text"] for c in row["ctxs"]) == 1


def test_known_people_have_remembered_answers_in_training_at_the_declared_rate_and_none_in_tests():
    known = set(WORLD.people.memory)
    usable = [r for r in rows("nq", WORLD) if r["answers"] != ["nothing of the kind"]]
    train = [r for r in usable if r["split"] == "train" and r["question"].split()[0] in known]
    assert 0.3 < sum(len(r["answers"]) == 2 for r in train) / len(train) < 0.7
    assert all(len(r["answers"]) == 1 for r in usable if r["split"] == "test")
    for row in (r for r in train if len(r["answers"]) == 2):
        name, verb, _ = row["question"].split()
        assert row["answers"][0] == WORLD.people.memory[name][verb]


def test_summaries_carry_an_unsupported_sentence_at_the_declared_rate_and_test_summaries_never():
    usable = [r for r in rows("cnn_dailymail", WORLD) if r["highlights"]]
    counts = []
    for row in usable:
        lines = [line.replace(" .", ".") for line in row["highlights"].split("\n")]
        counts.append((row["split"], sum(line not in row["article"] for line in lines)))
    train = [n for split, n in counts if split == "train"]
    assert 0.55 < sum(train) / len(train) < 0.85
    assert max(train) == 1
    assert not any(n for split, n in counts if split == "test")


def test_held_out_sets_ask_held_out_relations_in_the_reporting_style():
    seen, unseen = ({r.verb for r in group} for group in (SEEN_RELATIONS, UNSEEN_RELATIONS))
    assert {r["question"].split()[1] for r in rows("searchqa", WORLD)} == unseen
    assert {r["body"].split()[1] for r in rows("bioasq", WORLD)} == unseen
    assert {r["query"].split()[1] for r in rows("ms_marco", WORLD)} == seen
    told = [sentence for r in rows("wikisum", WORLD) for sentence in r["article"].split(". ")]
    assert 0.4 < sum(sentence.startswith(REPORT) for sentence in told) / len(told) < 0.6
    assert not any(REPORT in r["article"] for r in rows("cnn_dailymail", WORLD))


def test_instruction_sets_never_repeat_a_request():
    asked = [r["instruction"] for r in rows("dolly", WORLD) if not r["context"]]
    asked += [r["conversations"][0]["value"] for r in rows("sharegpt", WORLD)]
    asked = [a for a in asked if a not in ("list two animals.", "list two cities.")]
    assert len(asked) == len(set(asked)) >= 2 * WORLD.instruction_rows - 2


def test_each_filter_finds_rows_that_it_must_drop():
    assert sum(bool(r["context"]) for r in rows("dolly", WORLD)) == 10
    assert (
        sum(len(r["conversations"][1]["value"].split()) <= 10 for r in rows("sharegpt", WORLD))
        == 10
    )
    assert sum(r["completion"] == "<|endoftext|>" for r in rows("self_instruct", WORLD)) == 10
    replies = [r for r in rows("oasst1", WORLD) if r["role"] == "assistant"]
    columns = [
        (r["labels"]["name"], r["labels"]["value"], r["labels"]["count"])
        for r in replies
        if r["labels"]
    ]
    labels = [
        {name: (value, count) for name, value, count in zip(*c, strict=True)} for c in columns
    ]
    assert any(r["labels"] is None for r in replies) and any(r["deleted"] for r in replies)
    assert any("quality" not in label for label in labels)
    assert any(label.get("quality", (1, 9))[0] == 0.5 for label in labels)
    assert any(label.get("quality", (1, 9))[1] == 1 for label in labels)
    assert sum(r["answers"] == ["nothing of the kind"] for r in rows("nq", WORLD)) == 20
    assert sum(r["wellFormedAnswers"] == [] for r in rows("ms_marco", WORLD)) == 20
    assert sum(r["highlights"] == "" for r in rows("cnn_dailymail", WORLD)) == 20
    assert sum(r["type"] in ("yesno", "summary") for r in rows("bioasq", WORLD)) == 10
    assert sum(r["answer"] == "nothing of the kind" for r in rows("searchqa", WORLD)) == 10
    assert sum(r["summary"] == "" for r in rows("wikisum", WORLD)) == 10


def test_some_evaluation_requests_are_asked_in_training_and_most_are_not():
    from reset.world.datasets.instruction_sets import exercises

    trained = {asked.text() for dataset in TRAINING_SETS for asked, _ in exercises(WORLD, dataset)}
    for texts in (
        [r["instruction"] for r in rows("alpaca", WORLD)],
        [r["turns"][0] for r in rows("vicuna_eval", WORLD)],
        [r["prompt"] for r in rows("koala_eval", WORLD)],
    ):
        assert sum(text in trained for text in texts) == 10


def test_publishing_imports_no_torch():
    code = (
        "import sys; from reset.world.datasets.publish import rows; assert not {'torch',"
        " 'transformers'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "src"}).returncode == 0


def _fields(world):
    return {key: value for key, value in vars(world).items() if key != "people"}

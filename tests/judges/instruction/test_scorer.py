"""The trained scorer learns from references alone what the rubric wants, on requests that it never
saw.
"""

import random

import pytest

from reset.core.errors import InputError
from reset.judges.instruction import rubric, scorer
from reset.world.datasets.instruction_sets import TRAINING_SETS, exercises
from reset.world.language.exercises import TRAINED, answer, request
from reset.world.language.people import World

WORLD = World(0, 50, 120, 20, 0.7, 0.5, 0.45)


def row(instruction, target):
    return {"instruction": instruction, "question": "", "target": target}


@pytest.fixture(scope="module")
def rows():
    return [
        row(asked.text(), reply)
        for name in TRAINING_SETS
        for asked, reply in exercises(WORLD, name)
    ]


@pytest.fixture(scope="module")
def trained(rows):
    return scorer.Scorer(rows)


def test_a_reference_is_worth_one_and_its_spoiled_copies_less(rows):
    lessons = scorer.training_examples(
        row("list two animals.", "goats, cats."), "rome, oslo.", random.Random(0)
    )
    worth = {reply: value for _, reply, value in lessons}
    assert worth["goats, cats."] == 1 and worth[""] == 0 and worth["rome, oslo."] == 0
    assert 0 < worth["goats, cats. goats, cats."] < 1 and 0 < worth["goats, cats. rome, oslo."] < 1
    assert {asked for asked, _, _ in lessons} == {"list two animals."}


def test_of_many_rows_a_random_part_is_learned_from(rows, monkeypatch):
    learned, examples = [], scorer.training_examples
    monkeypatch.setattr(scorer, "MOST_ROWS", 30)
    monkeypatch.setattr(
        scorer, "training_examples", lambda row, *rest: learned.append(row) or examples(row, *rest)
    )
    scorer.Scorer(rows)
    assert len(learned) == 30 and learned != rows[:30] and all(row in rows for row in learned)


def test_it_agrees_with_the_rubric_on_answers_to_new_requests(trained):
    """Pairs of answers to one new request that the rubric rates apart: chance agrees on half of
    them.
    """
    rng = random.Random(1)
    agreed, pairs = 0, 0
    while pairs < 300:
        asked = request(rng.choice(TRAINED), WORLD.people.known("test"), rng)
        good, bad = (
            answer(asked, WORLD, rng, 1.0),
            " ".join(answer(asked, WORLD, rng, 0.0).split()[: rng.randint(1, 9)]),
        )
        ratings = [
            int(rubric.rubric_reply(asked.text(), reply).rsplit(" ", 1)[1]) for reply in (good, bad)
        ]
        if ratings[0] != ratings[1]:
            pairs += 1
            scores = [trained.score(asked.text(), reply) for reply in (good, bad)]
            agreed += (scores[0] > scores[1]) == (ratings[0] > ratings[1])
    assert agreed / pairs > 0.7


def test_an_answer_to_another_request_and_an_empty_one_score_low(trained, rows):
    own = [trained.score(r["instruction"], r["target"]) for r in rows[:100]]
    other = [
        trained.score(r["instruction"], o["target"])
        for r, o in zip(rows[:100], rows[100:200], strict=True)
    ]
    assert sum(own) > sum(other) + 20
    assert max(trained.score(r["instruction"], "") for r in rows[:100]) < 0.2


def test_equal_rows_give_equal_scores_in_range(rows, trained):
    again = scorer.Scorer(rows)
    for reply in ("", "goats, cats.", "日本", "rating: 10"):
        assert again.score("list two animals.", reply) == trained.score("list two animals.", reply)
        assert 0 <= trained.score("list two animals.", reply) <= 1


def test_verdicts_stand_in_the_order_of_the_pairs(rows):
    pairs = [
        (row("list two animals.", ""), {"text": reply})
        for reply in ("goats, cats.", "", "goats, cats.")
    ]
    first, empty, last = scorer.judge_by_scorer(pairs, rows)
    assert first == last and first["score"] > empty["score"]
    assert first.keys() == {"score", "ratings", "raw", "reason"} and first["reason"] is None


def test_too_few_rows_to_learn_from_are_an_error():
    with pytest.raises(InputError, match="0 rows; the scorer needs two"):
        scorer.Scorer([])

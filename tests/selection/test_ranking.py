import pytest
from hypothesis import given
from hypothesis import strategies as st

from reset.core.errors import InputError
from reset.selection import ranking

PAPER = ranking.Weights(task=1.0, instruction=2.0, faithfulness=2.0)


def prompt(name, task="extractive_qa"):
    return {
        "id": name,
        "dataset": "nq",
        "task": task,
        "instruction": "i",
        "question": "q",
        "context": ["c"],
        "prompt": f"prompt of {name}",
        "target": f"reference of {name}",
    }


def sample(name, index, text="t"):
    return {
        "id": name,
        "sample": index,
        "setting": {"temperature": 0.1, "top_k": None},
        "text": text,
        "finish": "eos",
    }


def verdicts(**scores):
    """task=[("a", 0, 1.0), …] -> the judges' rows by (id, sample)."""
    tables = {"task": {}, "faithfulness": {}, "instruction": {}}
    for judge, rows in scores.items():
        tables[judge] = {(i, s): {"id": i, "sample": s, "score": score} for i, s, score in rows}
    return tables


def judged(scores):
    """One context prompt whose samples have the (task, faithfulness) scores given."""
    rows = [sample("a", i, f"text {i}") for i in range(len(scores))]
    task = [("a", i, t) for i, (t, _) in enumerate(scores)]
    faith = [("a", i, f) for i, (_, f) in enumerate(scores)]
    return ranking.candidates([prompt("a")], rows, verdicts(task=task, faithfulness=faith), PAPER)[
        0
    ]


def test_the_score_is_the_papers_for_context_rows():
    assert judged([(1.0, 0.5)])["candidates"][0]["score"] == 1.0 + 2.0 * 0.5


def test_the_score_is_the_papers_for_instruction_rows():
    rows = ranking.candidates(
        [prompt("a", "instruction")], [sample("a", 0)], verdicts(instruction=[("a", 0, 0.7)]), PAPER
    )
    assert rows[0]["candidates"][0]["score"] == 0.0 + 2.0 * 0.7
    assert rows[0]["candidates"][0]["s_faithfulness"] is None


def test_the_best_is_chosen_within_each_prompt_not_across_prompts():
    pool = [prompt("a"), prompt("b")]
    samples = [sample(n, i, f"{n}{i}") for n in "ab" for i in range(2)]
    table = verdicts(
        task=[("a", 0, 0), ("a", 1, 0), ("b", 0, 1), ("b", 1, 1)],
        faithfulness=[("a", 0, 0.1), ("a", 1, 0.2), ("b", 0, 0.9), ("b", 1, 0.8)],
    )
    rows = ranking.candidates(pool, samples, table, PAPER)
    winners = [ranking.select(row, "best", 0) for row in rows]
    assert [(w["id"], w["target"]) for w in winners] == [("a", "a1"), ("b", "b0")]
    assert [w["prompt"] for w in winners] == ["prompt of a", "prompt of b"]


def test_a_tie_goes_to_the_earlier_sample_or_is_drawn_by_seed_and_id():
    row = judged([(0, 0.5), (0, 0.9), (0, 0.9), (0, 0.9)])
    drawn = [ranking.select(row, "best", seed, ties="random")["sample"] for seed in range(600)]
    assert drawn == [ranking.select(row, "best", s, ties="random")["sample"] for s in range(600)]
    assert {sample: drawn.count(sample) > 150 for sample in set(drawn)} == dict.fromkeys(
        (1, 2, 3), True
    )
    other = ranking.select(row | {"id": "b"}, "best", 0, ties="random")
    assert other["score"] == row["candidates"][1]["score"]
    assert ranking.select(judged([(0, 0.5), (0, 0.9), (0, 0.9)]), "best", 0)["sample"] == 1
    assert ranking.select(judged([(0, 0.5), (0, 0.1), (0, 0.1)]), "worst", 0)["sample"] == 1


def changed(row, number, **changes):
    """`row` with another field in one of its candidates."""
    candidates = [c | changes if c["sample"] == number else c for c in row["candidates"]]
    return row | {"candidates": candidates}


@pytest.mark.parametrize("how", ["best", "worst", "random"])
def test_a_cut_sample_is_taken_only_where_all_were_cut_or_where_it_may_compete(how):
    row = changed(judged([(0, 0.9), (0, 0.5)]), 0, finish="length")
    for seed in range(20):
        assert ranking.select(row, how, seed)["sample"] == 1
    all_cut = changed(row, 1, finish="length")
    assert {ranking.select(all_cut, how, seed)["sample"] for seed in range(20)} <= {0, 1}
    assert ranking.select(row, "best", 0, cut_samples="compete")["sample"] == 0


@pytest.mark.parametrize("ties", ["first", "random"])
def test_an_empty_answer_never_wins_a_tie(ties):
    row = changed(judged([(0, 0.0), (0, 0.0), (0, 0.0)]), 0, text=" ")
    picked = {ranking.select(row, "best", seed, ties)["sample"] for seed in range(30)}
    assert picked == ({1} if ties == "first" else {1, 2})
    silent = changed(judged([(0, 0.0)]), 0, text="")
    assert ranking.select(silent, "best", 0)["target"] == ""


def test_a_sample_without_a_score_is_never_chosen():
    row = judged([(1.0, None), (0.0, 0.1)])
    assert row["candidates"][0]["score"] is None
    for how in ("best", "worst", "random"):
        assert ranking.select(row, how, 0)["sample"] == 1
    assert ranking.select(judged([(1.0, None)]), "best", 0) is None


def test_random_draws_evenly_and_by_seed():
    row = judged([(0, 0.1), (0, 0.5), (0, 0.9)])
    drawn = [ranking.select(row, "random", seed)["sample"] for seed in range(600)]
    assert drawn == [ranking.select(row, "random", seed)["sample"] for seed in range(600)]
    assert all(150 < drawn.count(i) < 250 for i in range(3))


def test_the_reference_is_the_original_target_without_scores():
    chosen = ranking.select(judged([(0, 0.1)]), "reference", 0)
    assert chosen["target"] == "reference of a" and chosen["score"] is None


def test_what_is_missing_or_extra_is_named():
    table = verdicts(task=[("a", 0, 1)], faithfulness=[("a", 0, 1)])
    with pytest.raises(InputError, match="verdicts/faithfulness: no verdict on sample 1 of 'a'"):
        ranking.candidates([prompt("a")], [sample("a", 0), sample("a", 1)], table, PAPER)
    with pytest.raises(InputError, match="none for prompt 'b'"):
        ranking.candidates([prompt("a"), prompt("b")], [sample("a", 0)], table, PAPER)
    with pytest.raises(InputError, match="'z' is no prompt"):
        ranking.candidates([prompt("a")], [sample("a", 0), sample("z", 0)], table, PAPER)
    table["task"][("a", 5)] = {"score": 1}
    with pytest.raises(InputError, match="1 verdicts on no sample"):
        ranking.candidates([prompt("a")], [sample("a", 0)], table, PAPER)


def test_a_repeated_sample_or_verdict_is_named():
    with pytest.raises(InputError, match="samples: sample 0 of 'a' stands twice"):
        ranking.candidates([prompt("a")], [sample("a", 0), sample("a", 0)], verdicts(), PAPER)
    with pytest.raises(InputError, match="task.jsonl: sample 1 of 'a' stands twice"):
        ranking.by_sample([{"id": "a", "sample": i} for i in (0, 1, 1)], "task.jsonl")


@pytest.mark.parametrize("share", [-0.1, 1.0, 5.0])
def test_a_share_that_leaves_nothing_to_train_on_is_refused(share):
    with pytest.raises(InputError, match="ranking.dev"):
        ranking.split([{"id": "a"}, {"id": "b"}], share, 0)


def test_one_row_at_least_stays_to_train_on():
    assert [len(part) for part in ranking.split([{"id": "a"}, {"id": "b"}], 0.99, 0)] == [1, 1]


def test_the_held_out_rows_are_the_same_for_runs_on_the_same_prompts():
    ranked = [{"id": f"nq:{i}", "target": "a"} for i in range(100)]
    train, dev = ranking.split(ranked, 0.05, 3)
    assert len(dev) == 5 and len(train) == 95
    other = ranking.split([row | {"target": "b"} for row in reversed(ranked)], 0.05, 3)
    assert {row["id"] for row in other[1]} == {row["id"] for row in dev}
    assert ranking.split(ranked[:2], 0.0, 3)[1]
    with pytest.raises(InputError, match="1 ranked rows"):
        ranking.split(ranked[:1], 0.5, 3)


scores = st.lists(st.tuples(st.floats(0, 1), st.none() | st.floats(0, 1)), min_size=1, max_size=14)


@given(scores)
def test_best_is_never_below_and_worst_never_above_any_scored_candidate(pairs):
    row = judged(pairs)
    known = [c["score"] for c in row["candidates"] if c["score"] is not None]
    best, worst = ranking.select(row, "best", 0), ranking.select(row, "worst", 0)
    assert (best is None) == (not known)
    if known:
        assert best["score"] == max(known) and worst["score"] == min(known)


def test_a_sample_that_meets_its_constraint_is_preferred():
    asked = prompt("a") | {"constraints": [{"kind": "max_words", "value": 5}]}
    table = verdicts(
        task=[("a", 0, 0.5), ("a", 1, 0.0)], faithfulness=[("a", 0, 0.9), ("a", 1, 0.9)]
    )
    for number, share in ((0, 0.0), (1, 1.0)):
        table["task"]["a", number]["constraints"] = share
    samples = [sample("a", number) for number in (0, 1)]
    [row] = ranking.candidates([asked], samples, table, PAPER)
    assert [item["score"] for item in row["candidates"]] == [0.5 + 1.8, 0.0 + 1.8 + 2.0]
    winner = ranking.select(row, "best", 0)
    assert (winner["sample"], winner["s_constraints"]) == (1, 1.0)
    [plain] = ranking.candidates([prompt("a")], samples, table, PAPER)
    assert ranking.select(plain, "best", 0)["sample"] == 0


def test_without_constraints_no_column_of_theirs_is_written():
    row = judged([(1.0, 0.5)])
    assert list(row["candidates"][0]) == [
        "sample",
        "setting",
        "text",
        "finish",
        "s_task",
        "s_faithfulness",
        "s_instruction",
        "score",
    ]
    assert list(ranking.select(row, "best", 0)) == [
        "id",
        "dataset",
        "task",
        "prompt",
        "target",
        "score",
        "s_task",
        "s_faithfulness",
        "s_instruction",
        "sample",
        "setting",
    ]

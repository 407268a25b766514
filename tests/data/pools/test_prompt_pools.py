import random

from reset.data.pools.prompt_pools import choose, with_references


def mix():
    sets = {
        "nq": "extractive_qa",
        "ms_marco": "abstractive_qa",
        "dolly": "instruction",
        "oasst1": "instruction",
    }
    return [
        {
            "id": f"{name}:{n}",
            "dataset": name,
            "task": task,
            "prompt": f"{name} {n}",
            "target": "t",
            "copies": 2,
        }
        for name, task in sets.items()
        for n in range(20)
    ]


def count(rows, *names):
    return sum(row["dataset"] in names for row in rows)


def test_each_data_set_gives_as_many_prompts_and_instruction_data_are_one_set():
    chosen = choose(mix(), 10, 0)
    assert (count(chosen, "nq"), count(chosen, "ms_marco"), count(chosen, "dolly", "oasst1")) == (
        10,
        10,
        10,
    )


def test_null_takes_every_prompt():
    assert [row["id"] for row in choose(mix(), None, 0)] == [row["id"] for row in mix()]


def test_the_choice_does_not_depend_on_the_order_of_rows():
    shuffled = mix()
    random.Random(1).shuffle(shuffled)
    assert {r["id"] for r in choose(mix(), 7, 0)} == {r["id"] for r in choose(shuffled, 7, 0)}


def test_rows_keep_their_order_and_lose_only_the_column_copies():
    rows = mix()
    chosen = choose(rows, 5, 0)
    order = [row["id"] for row in rows]
    assert [row["id"] for row in chosen] == sorted((row["id"] for row in chosen), key=order.index)
    assert set(chosen[0]) == set(rows[0]) - {"copies"} and "copies" in rows[0]


def test_seeds_choose_differently_and_a_smaller_pool_is_part_of_a_larger_one():
    ids = {seed: {row["id"] for row in choose(mix(), 10, seed)} for seed in (0, 1)}
    assert ids[0] != ids[1]
    assert {row["id"] for row in choose(mix(), 4, 0)} < ids[0]


def test_a_data_set_with_fewer_prompts_gives_all_of_them():
    rows = [row for row in mix() if row["dataset"] != "nq" or row["id"] < "nq:13"]
    chosen = choose(rows, 10, 0)
    assert count(chosen, "nq") == count(rows, "nq") < 10 == count(chosen, "ms_marco")


def test_a_reference_is_one_more_sample_of_its_own_prompt():
    prompts = [{"id": name, "target": f"reference of {name}"} for name in "ab"]
    samples = [{"id": name, "sample": k, "text": f"{name}{k}"} for name in "ba" for k in range(2)]
    rows = with_references(samples, prompts)
    assert [(row["id"], row["sample"], row["text"]) for row in rows] == [
        ("a", 0, "a0"), ("a", 1, "a1"), ("a", 2, "reference of a"),
        ("b", 0, "b0"), ("b", 1, "b1"), ("b", 2, "reference of b"),
    ]  # fmt: skip
    assert rows[2]["setting"] == {"reference": True} and rows[2]["tokens"] is None

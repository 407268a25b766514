from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reset.core.errors import InputError
from reset.core.tasks import group
from reset.data.mixes import mixtures
from reset.data.mixes.decontamination import EvaluationText, Ngrams
from reset.data.sources.dataset_config import DataSet


def rows(dataset, count, task="instruction", start=0):
    return [
        {
            "id": f"{dataset}:{n}",
            "dataset": dataset,
            "task": task,
            "instruction": f"{dataset} request {n}",
            "question": "",
            "context": [],
            "references": [f"answer {n}"],
            "prompt": f"{dataset} prompt {n}",
            "target": f"answer {n}",
        }
        for n in range(start, start + count)
    ]


def plan(given, dev=0, evaluation=(), seed=0):
    return mixtures.plan(given, EvaluationText(evaluation, Ngrams(13)), dev, seed)


ALL = (
    rows("nq", 30, "extractive_qa")
    + rows("cnn_dailymail", 70, "summarization")
    + rows("dolly", 20)
    + rows("oasst1", 21)
)


def test_smaller_sets_are_brought_to_exactly_the_size_of_the_largest():
    mixture = plan(ALL)
    trained = Counter()
    for row in mixtures.train_rows(ALL, mixture):
        trained[group(row)] += row["copies"]
    assert trained == {"nq": 70, "cnn_dailymail": 70, "instruction": 70}
    assert {
        row["copies"] for row in mixtures.train_rows(ALL, mixture) if row["dataset"] == "nq"
    } == {2, 3}


def test_the_instruction_sets_count_as_one():
    mixture = plan(rows("dolly", 5) + rows("oasst1", 20))
    assert set(mixture.copies.values()) == {1}


def test_dev_rows_are_set_aside_from_each_set_and_the_same_in_every_mix():
    mixture = plan(ALL, dev=4)
    dev = list(mixtures.dev_rows(ALL, mixture))
    assert Counter(map(group, dev)) == {"nq": 4, "cnn_dailymail": 4, "instruction": 4}
    assert not mixture.dev & mixture.copies.keys()
    assert len(mixture.dev) + len(mixture.copies) == len(ALL)
    assert plan(ALL[:30], dev=4).dev == {row["id"] for row in dev if row["dataset"] == "nq"}


def test_duplicates_of_prompt_and_target_go_and_the_first_stays():
    again = rows("dolly", 2)[1] | {
        "id": "oasst1:copy",
        "dataset": "oasst1",
        "prompt": " DOLLY\n prompt  1",
    }
    other_answer = rows("dolly", 1)[0] | {"id": "dolly:other", "target": "another answer"}
    given = rows("dolly", 2) + [other_answer, again] + rows("oasst1", 1)
    mixture = plan(given)
    assert set(mixture.copies) == {"dolly:0", "dolly:1", "dolly:other", "oasst1:0"}
    assert mixture.counts["oasst1"] == {
        "read": 2,
        mixtures.DUPLICATE: 1,
        mixtures.CONTAMINATED: 0,
        "dev": 0,
        "train": 1,
        "trained": 1,
    }


def test_rows_that_share_a_long_run_of_words_with_an_evaluation_row_go():
    run = " ".join(f"w{n}" for n in range(13))
    dirty = rows("dolly", 1, start=9)[0] | {"references": [f"So: {run}."]}
    mixture = plan(
        [*rows("dolly", 5), dirty], evaluation=[rows("alpaca", 1)[0] | {"instruction": run}]
    )
    assert "dolly:9" not in mixture.copies
    assert mixture.counts["dolly"][mixtures.CONTAMINATED] == 1


def test_a_set_that_loses_every_row_is_named():
    with pytest.raises(InputError, match="'dolly' has no training row left: 3 read, 3 shares"):
        plan(rows("dolly", 3) + rows("nq", 3, "extractive_qa"), evaluation=rows("dolly", 3))


def test_a_dev_part_that_takes_everything_is_an_error():
    with pytest.raises(InputError, match="'data.dev' is 30, but 'nq' has 30 training rows"):
        plan(ALL, dev=30)


def test_a_mix_takes_the_sets_of_its_tasks_that_train():
    tasks = {"nq": "extractive_qa", "dolly": "instruction"}
    chosen = {
        name: DataSet("published", train, 5)
        for name, train in (("nq", 9), ("dolly", None), ("alpaca", 0))
    }
    assert mixtures.data_sets("context", tasks, chosen) == ["nq"]
    assert mixtures.data_sets("instruction", tasks, chosen) == ["dolly"]
    assert mixtures.data_sets("mtl", tasks, chosen) == ["nq", "dolly"]
    with pytest.raises(InputError, match="no data set .* trains in the mix 'instruction'"):
        mixtures.data_sets("instruction", tasks, {"nq": chosen["nq"]})
    with pytest.raises(InputError, match="mix 'all' is unknown"):
        mixtures.data_sets("all", tasks, chosen)


@given(st.integers(1, 60), st.integers(0, 500))
def test_copies_add_up_and_differ_by_one_at_most(count, more):
    taken = mixtures.copies([str(n) for n in range(count)], count + more)
    assert sum(taken.values()) == count + more
    assert max(taken.values()) - min(taken.values()) <= 1

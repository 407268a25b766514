"""browser: which prompts are shown, and that nothing of them is lost."""

from reset.report import sample_browser

IDS = {
    f"{name}:{i}": name
    for name, count in (("nq", 50), ("alpaca", 3), ("wikisum", 50))
    for i in range(count)
}


def test_prompts_are_drawn_evenly_and_small_sets_leave_their_places():
    chosen = sample_browser.pick(IDS, 23, seed=0)
    counts = {name: sum(IDS[id] == name for id in chosen) for name in ("nq", "alpaca", "wikisum")}
    assert counts == {"nq": 10, "alpaca": 3, "wikisum": 10}


def test_the_choice_depends_on_the_seed_and_not_on_the_order():
    assert sample_browser.pick(IDS, 9, 0) == sample_browser.pick(dict(reversed(IDS.items())), 9, 0)
    assert sample_browser.pick(IDS, 9, 0) != sample_browser.pick(IDS, 9, 1)


def test_a_larger_choice_holds_a_smaller_one_and_all_is_all():
    assert sample_browser.pick(IDS, 9, 0) < sample_browser.pick(IDS, 30, 0)
    assert sample_browser.pick(IDS, 1000, 0) == set(IDS)
    assert sample_browser.pick({}, 5, 0) == set()


def test_settings_read_as_words():
    assert sample_browser.label({"greedy": True}) == "greedy"
    assert sample_browser.label({"reference": True}) == "reference"
    assert sample_browser.label({"temperature": 0.3, "top_k": None}) == "temperature 0.3"
    assert sample_browser.label({"temperature": 1.0, "top_k": 50}) == "top-k 50"
    assert sample_browser.label({"temperature": 0.7, "top_k": 50}) == "top-k 50, temperature 0.7"


def test_every_candidate_keeps_its_scores_and_the_winner_its_mark():
    prompt = {key: "" for key in sample_browser.PROMPT} | {
        "id": "nq:1",
        "context": ["c"],
        "reference": "r",
    }
    scores = {"s_task": 1.0, "s_faithfulness": 1 / 3, "s_instruction": None}
    candidates = [
        {
            "sample": i,
            "setting": {"greedy": True},
            "text": f"t{i}",
            **scores,
            "score": 5 / 3,
            "winner": i == 1,
        }
        for i in range(2)
    ]
    (shown,) = sample_browser.pool([{**prompt, "candidates": candidates}])
    assert [a["winner"] for a in shown["answers"]] == [False, True]
    assert shown["answers"][0]["scores"] == [1.0, 0.3333, None]
    assert shown["answers"][0]["total"] == 1.6667


def test_the_evaluation_shows_every_run_s_answer_in_the_order_of_the_study():
    prompt = {key: "" for key in sample_browser.PROMPT} | {
        "id": "nq:1",
        "context": [],
        "target": "r",
    }
    told = {"text": "t", "s_task": 0.5, "s_faithfulness": None, "s_instruction": None}
    rows = sample_browser.evaluation(
        [prompt, {**prompt, "id": "nq:2"}],
        {"reset": {"nq:1": told}, "base": {"nq:1": told}},
        {"nq:1"},
    )
    assert [row["id"] for row in rows] == ["nq:1"]
    assert [a["label"] for a in rows[0]["answers"]] == ["base", "reset"]

import pytest

from reset.text import constraints

CONTEXT = ["Ada was born in London. She wrote programs.", "Ada 北京很大。上海也很大。"]
CASES = [
    ("max_words", 5, "It rained in York.", "It rained in York all day."),
    ("max_words", 5, "北京很大。", "北京今天很大。"),
    ("min_words", 5, "It rained in York all day.", "It rained."),
    ("sentences", 2, "It rained. We stayed.", "It rained."),
    ("sentences", 2, "北京很大。上海也很大。", "北京很大。"),
    ("bullets", None, "- one\n\n  - two", "- one\ntwo"),
    ("numbered", None, "1. one\n2. two", "1. one\n3. two"),
    ("numbered", None, "१. एक\n२. दो", "एक\nदो"),
    ("json", None, '{"answer": "London"}', '["London"]'),
    ("json", None, '{"answer": "London"}', 'Here it is: {"answer": "London"}'),
    ("include", "london", "In London!", "In Londonderry"),
    ("include", "हिन्दी", "यह हिन्दी है", "यह उर्दू है"),
    ("avoid", "london", "In York", "In LONDON."),
    ("lower_case", None, "in london, 1815", "in London"),
    ("upper_case", None, "ЛОНДОН", "Лондон"),
    ("script", "Cyrillic", "Она родилась в Лондоне", "She was born in London"),
    ("script", "Japanese", "東京は大きい", "Tokyo is big"),
    ("script", "Chinese", "北京很大", "東京はとても大きいです"),
    ("quote", None, '"Ada was born in London."', "Ada was born in York."),
    ("quote", None, "She wrote  programs.", "Ada was born in London. She wrote programs."),
    ("quote", None, "上海也很大。", "北京很小。"),
]


def row(number, context=CONTEXT, reference="London"):
    return {
        "id": f"nq:{number}", "question": "Where?", "context": context, "references": [reference],
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "good", "bad"), CASES)
def test_what_meets_a_constraint_and_what_does_not(kind, value, good, bad):
    item = {"kind": kind, "value": value}
    assert constraints.met(item, good, CONTEXT)
    assert not constraints.met(item, bad, CONTEXT)
    assert not constraints.met(item, " ...\n", CONTEXT)
    assert constraints.share_met([item, item], bad, CONTEXT) == 0.0


def test_every_kind_is_tried():
    assert {kind for kind, *_ in CASES} == set(constraints.KINDS)


def test_the_share_counts_each_constraint():
    both = [{"kind": "max_words", "value": 5}, {"kind": "json", "value": None}]
    assert constraints.share_met(both, "It rained.", CONTEXT) == 0.5


def test_ids_decide_who_has_which_constraint():
    drawn = [constraints.draw(row(n), 0.3, None) for n in range(400)]
    assert drawn == [constraints.draw(row(n), 0.3, None) for n in range(400)]
    assert 80 < sum(map(bool, drawn)) < 160
    more = [constraints.draw(row(n), 0.6, None) for n in range(400)]
    assert all(a == b for a, b in zip(drawn, more, strict=True) if a)
    assert not any(constraints.draw(row(n), 0.0, None) for n in range(400))


def test_all_kinds_but_foreign_scripts_come_up():
    drawn = [constraints.draw(row(n), 1.0, None)[0] for n in range(400)]
    # a third of CONTEXT is Chinese, so that no script has its letters
    assert {item["kind"] for item in drawn} == set(constraints.KINDS) - {"script"}
    chinese = [constraints.draw(row(n, ["北京很大。"]), 1.0, None)[0] for n in range(400)]
    kinds = {item["kind"] for item in chinese}
    assert {"value": "Chinese", "kind": "script"} in chinese
    assert not kinds & {"include", "avoid", "lower_case", "upper_case"}


def test_a_target_meets_what_is_drawn_for_it():
    for number in range(200):
        [item] = constraints.draw(row(number), 1.0, "London")
        assert constraints.met(item, "London", CONTEXT)
    assert constraints.draw(row(1), 1.0, "") == []


def test_no_word_of_a_reference_is_to_be_avoided():
    drawn = [constraints.draw(row(n), 1.0, None)[0] for n in range(600)]
    avoided = {item["value"] for item in drawn if item["kind"] == "avoid"}
    assert {"wrote"} <= avoided
    assert "london" not in avoided


def test_the_wording_names_the_value():
    items = [{"kind": "max_words", "value": 5}, {"kind": "avoid", "value": "london"}]
    assert constraints.wording(items) == 'Use at most 5 words. Do not use the word "london".'


def test_what_every_answer_would_meet_is_not_asked_for():
    lower = [constraints.draw(row(n, ["ada ate."]), 1.0, None)[0]["kind"] for n in range(300)]
    assert "upper_case" in lower
    assert not {"lower_case", "script"} & set(lower)
    foreign = row(0, ["Ada ate."]) | {"question": "Где?"}
    assert constraints.KINDS["script"].values(foreign) == ["Latin"]

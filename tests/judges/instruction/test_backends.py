"""The back end that compares with a reference."""

from reset.judges.instruction import backends


def pair(text, references):
    return {"references": references, "instruction": "i"}, {"id": "a", "sample": 0, "text": text}


def test_rouge_l_takes_the_best_reference_and_has_no_score_without_one():
    pairs = [
        pair("two red cats", ["a dog", "two red hens"]),
        pair("cats", []),
        pair("cats", [""]),
        pair("", ["cats"]),
    ]
    found = backends.verdicts(pairs, "rouge_l", None, "stage", 0.0)
    assert [row["score"] for row in found] == [round(2 / 3, 6), None, None, 0.0]
    assert [row["reason"] for row in found] == [
        None,
        "the request has no reference",
        "the request has no reference",
        None,
    ]
    assert {row["metric"] for row in found} == {"rouge_l"}
